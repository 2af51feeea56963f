"""What node types of tree-sitter grammars mean, told by the words that they are made of.

Grammars of different languages call the same thing by similar names, so that a few expressions
stand where a table a language would stand otherwise.
"""

from __future__ import annotations

import re
from functools import cache

_BLOCK = re.compile(
    r"(program|module|source|source_file|source_code|translation_unit|compilation_unit|chunk"
    r"|document|suite|preproc_(if|ifdef|else|elif|elifdef)|import_list|import_spec_list|then|statements|compound_statement|statement_list|do_group|implementation"
    r"|(\w+_)?(block|body|block_body|declaration_list|members|stmts|statements|suite))"
)
_NO_BLOCK = re.compile(r"(catch|finally|rescue|ensure|lambda|except)_block|\w*annotation\w*")
_UNIT = re.compile(
    r"\w+_statement|(else|elif|elseif|elsif|except|catch|finally|rescue|ensure|case|default|switch"
    r"|match|when)(_(clause|block|arm|entry|item|section|statement|case|rule|branch))?|stab_clause"
    r"|\w*(method|function|constructor)_(declaration|definition|item)|method|method_definition"
    r"|field_(declaration|definition)|property_declaration|class_(declaration|definition|item)"
    r"|(switch|expression|type|default|communication)_(case|entry|section|block_statement_group)"
    r"|enum_(variant|member_declaration|constant|entry)|enumerator|import_spec"
)
_IMPORT = re.compile(
    r"import\w*|\w*_import\w*|use_(declaration|statement)|namespace_use_declaration|using_directive"
    r"|preproc_include|extern_crate_declaration|package_(clause|declaration|header)|open_statement"
)
_STRING = re.compile(
    r"(\w+_)?(string|char|character|rune|heredoc|regex|regexp|charlist|sigil|text_block"
    r"|symbol_string|template_string|bare_string|quoted_atom)(_literal|_array)?|encapsed_string"
    r"|interpolated_\w*string\w*|nowdoc|string_expression"
)
_FILLED = re.compile(r"\w*(interpolat|substitution|expansion|embedded)\w*|variable_name")
_NUMBER = re.compile(
    r"(\w+_)?(integer|float|number|int|decimal|real|double|long|numeric|imaginary|rational"
    r"|hexadecimal)(_\w*literal)?|number_literal|\w*numeric_literal"
)
_CALL = re.compile(
    r"(\w+_)?(call|invocation|instantiation|object_creation|new)(_expression)?|function_call\w*"
    r"|method_(call|invocation)|command|macro_invocation|apply|new_expression|member_call_expression"
    r"|(scoped|nullsafe_member)_call_expression|object_creation_expression"
)
_OWNS = re.compile(
    r"\w*assignment\w*|assign\w*|\w*declarator|property_declaration|const_(declaration|item|spec"
    r"|element)|static_item|let_(declaration|binding)|variable_declaration|var_spec|pair"
    r"|keyword_argument|named_argument|field_(initializer|definition|declaration|assignment)"
    r"|property_element|enumerator|enum_(variant|member_declaration|constant|entry|assignment)"
    r"|short_var_declaration|named_expression|hash_pair|keyed_element|argument|value_argument"
    r"|array_element_initializer|flow_pair|block_mapping_pair|compound_assignment_expr"
)
_BINDS = re.compile(
    r"\w*(assignment|declarat|definition|let|item|with|catch|except|spec|alias|short_var"
    r"|range_clause|named_expression|method|function|property|variable|resource|enhanced_for"
    r"|as_pattern|foreach|generator)\w*|for\w*|lambda|constructor\w*|bind|match_arm"
)
_BINDING_FIELDS = frozenset(
    "left name pattern declarator alias variable parameter param key_value".split()
)
_NOT_BINDING = re.compile(
    r"\w*(subscript|index|attribute|member|field_expression|call|argument|type|navigation"
    r"|selector|element_reference|element_access|dot_index|method_index|scope_resolution|body"
    r"|block|annotation|decorator|default|value)\w*|dot"
)
_TRANSPARENT = re.compile(
    r"\w*(assignment|return|argument|arguments|declarator|throw|raise|yield|assert|pair"
    r"|parenthesized|_statement|block|body|module|clause|lambda|arrow_function|interpolation)\w*"
    r"|(if|while|elif|match|switch|when|unless|until|case|do|for)(_\w+)?|list|array|set|tuple"
    r"|dictionary|let_declaration|named_argument|expression_list|property_declaration"
)
_OPAQUE = re.compile(r"\w*(binary|unary|boolean|comparison|cast|conditional|await|not_op|infix)\w*")
_KEPT_INSIDE = re.compile(r"(assignment|sequence|named|generator|comma|yield|walrus)\w*")
_GUARDS = re.compile(
    r"(if|elif|elsif|unless|while|until|guard|ternary|conditional|assert|cond|do|repeat)\w*"
)
_CONDITIONS = re.compile(
    r"if_clause|guard|guards|match_guard|when_clause|if_guard|boolean_operator|when_condition"
)
_RETURNS = re.compile(r"return(_\w+)?|jump_expression|control_transfer_statement|yield\w*")
_RAISES = re.compile(
    r"(try|except|catch|raise|throw|finally|rescue|ensure|defer|recover)\w*|\w*_catch\w*"
)
_LOOPS = re.compile(r"(for|while|loop|foreach|until|repeat|enhanced_for|range)\w*")
_DECORATORS = re.compile(r"decorator|attribute_item|(marker_)?annotation|attribute_list|attributes")
_PARAMETERS = re.compile(r"\w*(parameter|formal_param)\w*|lambda_list|closure_params|patterns")
_KEYWORDS = re.compile(r"keyword_argument|named_argument|keywords|labeled_argument")

_MATCHERS = {
    "block": _BLOCK,
    "unit": _UNIT,
    "import": _IMPORT,
    "string": _STRING,
    "filled": _FILLED,
    "number": _NUMBER,
    "call": _CALL,
    "owns": _OWNS,
    "binds": _BINDS,
    "not_binding": _NOT_BINDING,
    "transparent": _TRANSPARENT,
    "kept_inside": _KEPT_INSIDE,
    "guard": _GUARDS,
    "condition": _CONDITIONS,
    "return": _RETURNS,
    "raise": _RAISES,
    "loop": _LOOPS,
    "decorator": _DECORATORS,
    "parameters": _PARAMETERS,
    "keyword": _KEYWORDS,
}
_BUT = {
    "block": _NO_BLOCK,
    "transparent": _OPAQUE,
    "unit": re.compile(
        r"expression_statement_block|compound_statement|empty_statement|import_stmt"
    ),
    "parameters": re.compile(r"type_parameter\w*"),
    "string": re.compile(r"concatenated_string|\w*_type"),
    "import": re.compile(r"import_(clause|specifier|list|spec_list|attribute|alias|prefix)"),
    "call": re.compile(r"call_(suffix|operator)"),
}


@cache
def means(node_type: str, what: str) -> bool:
    """Whether a node of a type is a `block`, a `unit`, a `call`, and so on."""
    if _MATCHERS[what].fullmatch(node_type) is None:
        return False
    but = _BUT.get(what)
    return but is None or but.fullmatch(node_type) is None


def is_binding_field(field: str) -> bool:
    """Whether what gets its meaning stands in a field of this name."""
    return field in _BINDING_FIELDS

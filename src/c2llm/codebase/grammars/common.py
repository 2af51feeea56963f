"""Rows of the languages that most repositories are written in."""

from __future__ import annotations

from c2llm.codebase.grammars.grammar import Grammar, spelled

_JS_FUNCTIONS = "function_declaration generator_function_declaration method_definition"
# A function is often a value: bound to a name, a field, a property of an object.
_JS_FUNCTION_VALUES = """
(variable_declarator name: (identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @function
(variable_declarator name: (identifier) @name value: (class)) @class
(assignment_expression left: [(identifier) (member_expression)] @name
  right: [(arrow_function) (function_expression) (generator_function)]) @function
(assignment_expression left: [(identifier) (member_expression)] @name right: (class)) @class
(pair key: (property_identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @function
(variable_declarator name: (identifier) @name value: (call_expression function: [
  (identifier) @verb.function
  (member_expression property: (property_identifier) @verb.function)
])) @function
"""
# What wraps a function and gives one back.
_JS_WORDS = spelled(
    {
        "verb.function": (
            "memo forwardRef observer createSelector createSlice createAsyncThunk createContext"
            " defineStore defineComponent computed useCallback debounce throttle"
        )
    }
)
_TYPESCRIPT = Grammar(
    functions=f"{_JS_FUNCTIONS} function_signature method_signature abstract_method_signature",
    classes=(
        "class_declaration abstract_class_declaration interface_declaration enum_declaration "
        "internal_module module type_alias_declaration"
    ),
    attributes="decorator",
    words=_JS_WORDS,
    patterns=_JS_FUNCTION_VALUES
    + """
(public_field_definition name: (_) @name
  value: [(arrow_function) (function_expression)]) @function
""",
)

# Elixir defines by calling macros; which one is told by the word in front.
_ELIXIR = """
(call target: (identifier) @verb.function
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name))
  ])) @function
(call target: (identifier) @verb.class (arguments . [(alias) (atom)] @name)) @class
(unary_operator
  operand: (call target: (identifier) @verb.doc (arguments [(string) (sigil)]))) @comment
(unary_operator operand: (call target: (identifier) @verb.attribute)) @attribute
(call (do_block (unary_operator
  operand: (call target: (identifier) @verb.moduledoc (arguments [(string) (sigil)])))
  @docstring)) @owner
"""
_ELIXIR_VERBS = {
    "verb.function": (
        "def defp defmacro defmacrop defguard defguardp defdelegate defn defnp"
    ).split(),
    "verb.class": ["defmodule", "defprotocol", "defimpl"],
    "verb.doc": ["doc", "typedoc"],
    "verb.attribute": "spec impl doc since deprecated callback dialyzer".split(),
    "verb.moduledoc": ["moduledoc"],
}

COMMON: dict[str, Grammar] = {
    "python": Grammar(
        functions="function_definition",
        classes="class_definition",
        attributes="decorator",
        patterns="""
(function_definition body: (block . (string) @docstring)) @owner
(class_definition body: (block . (string) @docstring)) @owner
(module (assignment left: (identifier) @name right: (lambda)) @function)
(module (assignment left: (identifier) @name right: (call function: [
  (identifier) @verb.class (attribute attribute: (identifier) @verb.class)
])) @class)
""",
        words=spelled({"verb.class": "namedtuple NamedTuple TypedDict NewType make_dataclass"}),
    ),
    "java": Grammar(
        functions="method_declaration constructor_declaration compact_constructor_declaration",
        classes=(
            "class_declaration interface_declaration enum_declaration record_declaration "
            "annotation_type_declaration"
        ),
        comments="block_comment line_comment",
    ),
    "javascript": Grammar(
        functions=_JS_FUNCTIONS,
        classes="class_declaration",
        attributes="decorator",
        words=_JS_WORDS,
        patterns=_JS_FUNCTION_VALUES
        + """
(field_definition property: (_) @name
  value: [(arrow_function) (function_expression)]) @function
""",
    ),
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "go": Grammar(
        functions="function_declaration method_declaration",
        classes="type_spec",
    ),
    "rust": Grammar(
        functions="function_item function_signature_item macro_definition",
        classes="struct_item enum_item union_item trait_item impl_item mod_item",
        comments="line_comment block_comment",
        attributes="attribute_item",
    ),
    "csharp": Grammar(
        functions=(
            "method_declaration constructor_declaration destructor_declaration "
            "operator_declaration conversion_operator_declaration indexer_declaration "
            "property_declaration local_function_statement delegate_declaration"
        ),
        names=(
            ("indexer_declaration", "this"),
            ("operator_declaration", "operator"),
            ("conversion_operator_declaration", "operator"),
        ),
        classes=(
            "class_declaration interface_declaration struct_declaration enum_declaration "
            "record_declaration"
        ),
        namespaces="namespace_declaration",
    ),
    "ruby": Grammar(
        functions="method singleton_method",
        classes="class module",
        patterns="""
(call method: (identifier) @verb.function
  arguments: (argument_list . (simple_symbol) @name)) @function
(assignment left: (constant) @name
  right: (call receiver: (constant) @verb.owner method: (identifier) @verb.class)) @class
""",
        words=spelled(
            {
                "verb.function": "define_method scope",
                "verb.owner": "Struct Data Class",
                "verb.class": "new define",
            }
        ),
    ),
    "php": Grammar(
        functions="function_definition method_declaration",
        classes="class_declaration interface_declaration trait_declaration enum_declaration",
    ),
    "kotlin": Grammar(
        functions="function_declaration secondary_constructor",
        classes="class_declaration object_declaration companion_object",
        comments="line_comment multiline_comment",
        names=(("secondary_constructor", "constructor"), ("companion_object", "Companion")),
    ),
    "swift": Grammar(
        functions=(
            "function_declaration protocol_function_declaration init_declaration "
            "deinit_declaration subscript_declaration"
        ),
        classes="class_declaration protocol_declaration",
        comments="comment multiline_comment",
        names=(
            ("init_declaration", "init"),
            ("deinit_declaration", "deinit"),
            ("subscript_declaration", "subscript"),
        ),
    ),
    "scala": Grammar(
        functions="function_definition function_declaration",
        classes=(
            "class_definition object_definition trait_definition enum_definition package_object"
        ),
        comments="comment block_comment",
        patience=4.0,  # honest files at 0.1 MB/s have been seen
    ),
    "lua": Grammar(
        functions="function_declaration",
        patterns="""
(assignment_statement (variable_list . name: (_) @name .)
  (expression_list . value: (function_definition) .)) @function
(field name: (_) @name value: (function_definition)) @function
""",
    ),
    "haskell": Grammar(
        classes="data_type newtype class instance type_synomym",
        comments="comment haddock",
        attributes="signature pragma",
        # A type is a `function` too, but has no name.
        patterns="[(function name: (_)) (bind name: (_))] @function",
        clauses=True,
    ),
    "elixir": Grammar(
        patterns=_ELIXIR,
        words={
            capture: frozenset(verb.encode() for verb in verbs)
            for capture, verbs in _ELIXIR_VERBS.items()
        },
        clauses=True,
    ),
    "zig": Grammar(
        comments="line_comment doc_comment",
        patterns="""
(Decl (FnProto function: (_) @name)) @function
(Decl (VarDecl variable_type_function: (_) @name
  (ErrorUnionExpr (SuffixExpr (ContainerDecl))))) @class
""",
    ),
    "bash": Grammar(functions="function_definition"),
    "sql": Grammar(
        functions="create_function create_trigger",
        classes="create_table create_view create_materialized_view create_type",
        comments="comment marginalia",
    ),
}

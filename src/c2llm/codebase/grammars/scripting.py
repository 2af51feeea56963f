"""Rows of scripting languages."""

from __future__ import annotations

from c2llm.codebase.grammars.grammar import Grammar, spelled

_JULIA_CALL = "(call_expression . (_) @name)"
_JULIA_TYPE = """(type_head [
  (identifier) @name
  (parametrized_type_expression . (identifier) @name)
  (binary_expression . (identifier) @name)
  (binary_expression . (parametrized_type_expression . (identifier) @name))
])"""

SCRIPTING: dict[str, Grammar] = {
    "perl": Grammar(
        functions="subroutine_declaration_statement method_declaration_statement",
        classes="package_statement class_statement role_statement",
        comments="comment pod",
        patterns="""
(assignment_expression
  left: (variable_declaration variable: (scalar (varname) @name))
  right: (anonymous_subroutine_expression)) @function
(use_statement module: (package) @verb.constant
  (list_expression . (autoquoted_bareword) @name)) @function
""",
        words=spelled({"verb.constant": "constant"}),
    ),
    "r": Grammar(
        dotted=True,
        patterns="""
(binary_operator lhs: [(identifier) (string)] @name rhs: (function_definition)) @function
(binary_operator lhs: (identifier) @name
  rhs: (call function: (identifier) @verb.class)) @class
(argument name: (identifier) @name value: (function_definition)) @function
(call function: (identifier) @verb.function
  arguments: (arguments . argument: (argument value: (string) @name))) @function
""",
        # What is handed to a function is no definition.
        skips=frozenset({"FUN", "f", "error", "warning", "finally", "message", "handler"}),
        words=spelled(
            {
                "verb.class": "R6Class setClass setRefClass new_class ggproto",
                "verb.function": "setGeneric setMethod setClass setRefClass test_that",
            }
        ),
    ),
    "julia": Grammar(
        classes="module_definition",
        comments="line_comment block_comment",
        patterns=f"""
(function_definition (signature [
  (identifier) @name
  {_JULIA_CALL}
  (typed_expression . {_JULIA_CALL})
  (where_expression . {_JULIA_CALL})
  (where_expression . (typed_expression . {_JULIA_CALL}))
])) @function
(macro_definition (signature {_JULIA_CALL})) @function
(assignment . [
  {_JULIA_CALL}
  (typed_expression . {_JULIA_CALL})
  (where_expression . {_JULIA_CALL})
]) @function
(struct_definition {_JULIA_TYPE}) @class
(abstract_definition {_JULIA_TYPE}) @class
((string_literal) @comment . [
  (function_definition) (macro_definition) (assignment) (struct_definition) (abstract_definition)
  (module_definition)
])
""",
    ),
    "powershell": Grammar(
        patterns="""
(function_statement (function_name) @name) @function
(class_statement . (simple_name) @name) @class
(enum_statement . (simple_name) @name) @class
(class_method_definition (simple_name) @name) @function
""",
    ),
    "tcl": Grammar(
        functions="procedure",
        patterns="""
(command name: (simple_word) @verb.method
  arguments: (word_list . (simple_word) @name . (_) . (_) .)) @function
(command name: (simple_word) @verb.class
  arguments: (word_list . (simple_word) . (simple_word) @name)) @class
""",
        words=spelled({"verb.method": "method", "verb.class": "oo::class itcl::class"}),
    ),
    "fish": Grammar(functions="function_definition"),
    "vim": Grammar(
        patterns="(function_definition (function_declaration name: (_) @name)) @function"
    ),
    "gdscript": Grammar(
        functions="function_definition constructor_definition signal_statement",
        classes="class_definition class_name_statement enum_definition",
        attributes="annotation annotations",
        names=(("constructor_definition", "_init"),),
    ),
    "luau": Grammar(functions="function_declaration"),
    "matlab": Grammar(functions="function_definition", classes="class_definition"),
    "nim": Grammar(
        functions=(
            "proc_declaration func_declaration method_declaration iterator_declaration "
            "template_declaration macro_declaration converter_declaration"
        ),
        comments="comment block_comment documentation_comment block_documentation_comment",
        patterns="(type_declaration (type_symbol_declaration name: (_) @name)) @class",
    ),
    "starlark": Grammar(
        functions="function_definition",
        patterns="""
(module (expression_statement (call arguments: (argument_list
  (keyword_argument name: (identifier) @verb.name value: (string) @name)))) @class)
(function_definition body: (block . (expression_statement . (string) @docstring))) @owner
""",
        words=spelled({"verb.name": "name"}),
    ),
    "squirrel": Grammar(functions="function_declaration", classes="class_declaration"),
    "actionscript": Grammar(
        functions="function_declaration method_declaration",
        classes="class_declaration interface_declaration",
        comments="line_comment block_comment",
    ),
    "hack": Grammar(
        functions="function_declaration method_declaration",
        classes="class_declaration interface_declaration trait_declaration enum_declaration",
    ),
    "qml": Grammar(
        parser="qmljs",
        functions="function_declaration generator_function_declaration ui_signal",
        patterns="(ui_object_definition type_name: (_) @name) @class",
    ),
}

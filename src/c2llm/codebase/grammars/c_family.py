"""Rows of C and of what is written like it."""

from __future__ import annotations

from dataclasses import replace

from c2llm.codebase.grammars.grammar import Grammar
from c2llm.codebase.grammars.macros import macro_name, readable

_C_CLASSES = """
(struct_specifier name: (_) body: (_)) @class
(union_specifier name: (_) body: (_)) @class
(enum_specifier name: (_) body: (_)) @class
(type_definition
  type: [
    (struct_specifier !name body: (_))
    (union_specifier !name body: (_))
    (enum_specifier !name body: (_))
  ]
  declarator: (type_identifier) @name) @class
"""
_C_PROTOTYPES = """
[(declaration declarator: (function_declarator))
 (declaration declarator: (pointer_declarator declarator: (function_declarator)))] @function
"""
_C_FUNCTIONS = "function_definition preproc_function_def"
_CPP = Grammar(
    functions=_C_FUNCTIONS,
    prepare=readable,
    named_by=macro_name,
    classes="concept_definition",
    namespaces="namespace_definition",
    patterns=_C_CLASSES
    + _C_PROTOTYPES
    + """
[(declaration declarator: (reference_declarator (function_declarator)))
 (field_declaration declarator: (function_declarator))
 (field_declaration declarator: (pointer_declarator declarator: (function_declarator)))
 (field_declaration declarator: (reference_declarator (function_declarator)))] @function
(class_specifier name: (_) body: (_)) @class
(template_declaration parameters: (_) @attribute)
""",
)
_SHADER = Grammar(functions=_C_FUNCTIONS, patterns=_C_CLASSES)

C_FAMILY: dict[str, Grammar] = {
    "c": Grammar(
        functions=_C_FUNCTIONS,
        patterns=_C_CLASSES + _C_PROTOTYPES,
        prepare=readable,
        named_by=macro_name,
    ),
    "cpp": _CPP,
    "cuda": _CPP,
    "metal": replace(_CPP, parser="cpp"),
    # Its grammar is large: patterns cost a third of a second to compile, node types do not.
    "objc": Grammar(
        functions=f"{_C_FUNCTIONS} method_definition method_declaration",
        classes="class_interface class_implementation protocol_declaration",
        prepare=readable,
        named_by=macro_name,
        patterns=_C_CLASSES,
    ),
    "glsl": _SHADER,
    "hlsl": _SHADER,
    "ispc": _SHADER,
}

"""Rows of languages that declare: schemas, interfaces, builds, styles."""

from __future__ import annotations

from c2llm.codebase.grammars.grammar import Grammar, spelled

_HCL = Grammar(
    patterns="""
(config_file (body (block (string_lit (template_literal) @name) . (block_start)) @class))
(config_file (body (block . (identifier) @verb.locals
  (body (attribute . (identifier) @name) @function))))
""",
    words=spelled({"verb.locals": "locals"}),
)

SCHEMAS: dict[str, Grammar] = {
    "hcl": _HCL,
    "proto": Grammar(
        patterns="""
(message (message_name) @name) @class
(service (service_name) @name) @class
(enum (enum_name) @name) @class
(rpc (rpc_name) @name) @function
""",
    ),
    "graphql": Grammar(
        comments="comment",
        patterns="""
[(object_type_definition (name) @name)
 (interface_type_definition (name) @name)
 (input_object_type_definition (name) @name)
 (enum_type_definition (name) @name)
 (union_type_definition (name) @name)
 (scalar_type_definition (name) @name)
 (object_type_extension (name) @name)] @class
[(operation_definition (name) @name)
 (fragment_definition (fragment_name) @name)
 (directive_definition (name) @name)] @function
""",
    ),
    "thrift": Grammar(
        patterns="""
[(struct_definition (identifier) @name)
 (union_definition (identifier) @name)
 (exception_definition (identifier) @name)
 (enum_definition (identifier) @name)
 (service_definition (identifier) @name)] @class
(function_definition (identifier) @name) @function
""",
    ),
    "capnp": Grammar(
        patterns="""
(struct (type_identifier) @name) @class
(interface (type_identifier) @name) @class
(enum (enum_identifier) @name) @class
(method (method_identifier) @name) @function
""",
    ),
    "prisma": Grammar(
        patterns="""
[(model_block (identifier) @name)
 (enum_block (identifier) @name)] @class
""",
    ),
    "bicep": Grammar(
        classes="resource_declaration module_declaration type_declaration",
        functions="user_defined_function",
        patterns="""
(parameter_declaration . (identifier) @name) @function
(variable_declaration . (identifier) @name) @function
""",
        attributes="decorators",
    ),
    "puppet": Grammar(
        patterns="""
(class_definition (_) @name) @class
(defined_resource_type (_) @name) @class
""",
    ),
    "scss": Grammar(
        functions="mixin_statement function_statement",
        comments="comment js_comment",
        patterns="(rule_set (selectors . (placeholder (identifier) @name) .)) @class",
    ),
    "make": Grammar(
        patterns="""
(rule (targets . (word) @name)) @function
(define_directive name: (word) @name) @function
""",
        skips=frozenset(
            "PHONY SUFFIXES DEFAULT PRECIOUS INTERMEDIATE SECONDARY DELETE_ON_ERROR IGNORE SILENT"
            " EXPORT_ALL_VARIABLES NOTPARALLEL ONESHELL POSIX SECONDEXPANSION".split()
        ),
    ),
    "cmake": Grammar(
        comments="line_comment bracket_comment",
        patterns="""
(function_def (function_command (argument_list . (argument) @name))) @function
(macro_def (macro_command (argument_list . (argument) @name))) @function
(normal_command . (identifier) @verb.target (argument_list . (argument) @name)) @class
(normal_command . (identifier) @verb.option (argument_list . (argument) @name)) @function
""",
        words=spelled(
            {
                "verb.target": "add_library add_executable add_custom_target cc_library",
                "verb.option": "option cmake_dependent_option",
            }
        ),
    ),
    "dockerfile": Grammar(
        patterns="(from_instruction as: (image_alias) @name) @class",
    ),
}

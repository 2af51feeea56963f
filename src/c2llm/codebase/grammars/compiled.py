"""Rows of compiled languages beside the commonest, and of those that describe hardware."""

from __future__ import annotations

from c2llm.codebase.grammars.fixed_form import free_form
from c2llm.codebase.grammars.grammar import Grammar

COMPILED: dict[str, Grammar] = {
    "dart": Grammar(
        functions="function_signature getter_signature setter_signature",
        classes=(
            "class_definition mixin_declaration extension_declaration enum_declaration "
            "extension_type_declaration type_alias"
        ),
        comments="comment documentation_comment",
        attributes="annotation",
        patterns="(mixin_declaration . (identifier) @name) @class\n"
        + "\n".join(
            f"({kind} (identifier) @name . (formal_parameter_list)) @function"
            for kind in (
                "constructor_signature",
                "constant_constructor_signature",
                "factory_constructor_signature",
                "redirecting_factory_constructor_signature",
            )
        ),
        body_after="function_body",
    ),
    "fortran": Grammar(
        prepare=free_form,
        gap=2,
        patterns="""
(subroutine (subroutine_statement name: (_) @name)) @function
(function (function_statement name: (_) @name)) @function
(module_procedure (module_procedure_statement name: (_) @name)) @function
(module (module_statement (name) @name)) @class
(submodule (submodule_statement (name) @name)) @class
(program (program_statement (name) @name)) @class
(derived_type_definition (derived_type_statement (type_name) @name)) @class
(interface (interface_statement (name) @name)) @function
""",
    ),
    "solidity": Grammar(
        functions=(
            "function_definition modifier_definition event_definition error_declaration "
            "constructor_definition fallback_receive_definition"
        ),
        classes=(
            "contract_declaration interface_declaration library_declaration struct_declaration "
            "enum_declaration user_defined_type_definition"
        ),
        names=(("constructor_definition", "constructor"),),
    ),
    "ada": Grammar(
        classes="package_declaration package_body generic_package_declaration",
        patterns="""
(subprogram_body [
  (function_specification name: (_) @name) (procedure_specification name: (_) @name)
]) @function
(subprogram_declaration [
  (function_specification name: (_) @name) (procedure_specification name: (_) @name)
]) @function
(expression_function_declaration (function_specification name: (_) @name)) @function
(full_type_declaration . (identifier) @name) @class
(task_body (identifier) @name) @class
(protected_body . (identifier) @name) @class
(protected_type_declaration . (identifier) @name) @class
(task_type_declaration . (identifier) @name) @class
(entry_body . (identifier) @name) @function
(generic_subprogram_declaration [
  (function_specification name: (_) @name) (procedure_specification name: (_) @name)
]) @function
""",
    ),
    "pascal": Grammar(
        patterns="""
(defProc header: (declProc name: (_) @name)) @function
(interface (declProc name: (_) @name) @function)
(declClass (declProc name: (_) @name) @function)
(declSection (declProc name: (_) @name) @function)
(declIntf (declProc name: (_) @name) @function)
(declType name: (_) @name type: [(declClass) (declIntf) (type (declEnum))]) @class
""",
    ),
    "haxe": Grammar(
        functions="function_declaration",
        classes="class_declaration interface_declaration typedef_declaration",
        attributes="metadata",
    ),
    "d": Grammar(
        functions="function_declaration",
        classes=(
            "class_declaration struct_declaration interface_declaration union_declaration "
            "enum_declaration template_declaration"
        ),
        patterns="""
(manifest_constant (manifest_declarator . (identifier) @name . (template_parameters))) @function
(alias_declaration (alias_initializer . (identifier) @name . (template_parameters))) @class
""",
    ),
    "vlang": Grammar(
        parser="v",
        functions="function_declaration",
        classes="struct_declaration interface_declaration enum_declaration",
        attributes="attribute_list",
    ),
    "odin": Grammar(
        functions="procedure_declaration overloaded_procedure_declaration",
        classes="struct_declaration enum_declaration union_declaration",
        comments="comment block_comment",
        attributes="attributes",
    ),
    "hare": Grammar(functions="function_declaration", classes="type_declaration"),
    "cairo": Grammar(
        functions="function_definition",
        classes="struct_item struct_definition enum_item trait_item mod_item namespace_definition",
        attributes="attribute_item",
    ),
    "apex": Grammar(
        functions="method_declaration constructor_declaration trigger_declaration",
        classes="class_declaration interface_declaration enum_declaration",
        comments="line_comment block_comment",
    ),
    "pony": Grammar(
        functions="method constructor behavior ffi_method",
        classes=(
            "actor_definition class_definition primitive_definition interface_definition "
            "trait_definition struct_definition type_alias"
        ),
        comments="line_comment block_comment",
    ),
    "wgsl": Grammar(
        functions="function_declaration",
        classes="struct_declaration",
        comments="line_comment block_comment",
    ),
    "verilog": Grammar(
        patterns="""
(module_declaration (module_header (simple_identifier) @name)) @class
(interface_declaration (_ (interface_identifier) @name)) @class
(program_declaration (_ (program_identifier) @name)) @class
(package_declaration (package_identifier) @name) @class
(class_declaration . (class_identifier) @name) @class
(type_declaration (data_type) . (simple_identifier) @name) @class
(function_declaration (function_body_declaration (function_identifier) @name)) @function
(task_declaration (task_body_declaration (task_identifier) @name)) @function
(class_constructor_declaration "new" @name) @function
""",
    ),
    "vhdl": Grammar(
        classes=(
            "entity_declaration architecture_body package_declaration package_body "
            "component_declaration"
        ),
        patterns="""
(function_body designator: (_) @name) @function
(procedure_body designator: (_) @name) @function
(function_declaration designator: (_) @name) @function
(procedure_declaration designator: (_) @name) @function
""",
    ),
}

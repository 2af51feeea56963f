"""Rows of functional languages and of the Lisps."""

from __future__ import annotations

from c2llm.codebase.grammars.grammar import Grammar, spelled

# A definition is a list whose first word says so.
_LIST = """
(list . (symbol) @verb.function . [(symbol) @name (list . (symbol) @name)]) @function
(list . (symbol) @verb.class . [(symbol) @name (list . (symbol) @name)]) @class
"""
_ELM_TOP = "(file (value_declaration (function_declaration_left . (_) @name)) @function)"
_OCAML_TOP = "(value_definition (let_binding pattern: (value_name) @name) @function)"

FUNCTIONAL: dict[str, Grammar] = {
    "ocaml": Grammar(
        patterns=f"""
(compilation_unit {_OCAML_TOP})
(structure {_OCAML_TOP})
(external (value_name) @name) @function
(value_specification (value_name) @name) @function
(method_definition name: (_) @name) @function
(module_definition (module_binding (module_name) @name)) @class
(module_type_definition (module_type_name) @name) @class
(class_definition (class_binding (class_name) @name)) @class
(type_definition (type_binding name: (_) @name) @class)
(exception_definition (constructor_declaration (constructor_name) @name)) @class
""",
    ),
    "fsharp": Grammar(
        comments="line_comment block_comment",
        attributes="attributes",
        patterns="""
(function_or_value_defn (function_declaration_left [
  (identifier) @name (op_identifier) @name (active_pattern . (active_pattern_op_name) @name)
])) @function
(file (declaration_expression (function_or_value_defn (value_declaration_left
  (identifier_pattern (long_identifier_or_op) @name)))) @function)
(module_defn (declaration_expression (function_or_value_defn (value_declaration_left
  (identifier_pattern (long_identifier_or_op) @name)))) @function)
(member_defn (method_or_prop_defn name: (_) @name)) @function
(type_definition (_ (type_name type_name: (_) @name)) @class)
(module_defn (identifier) @name) @class
(named_module name: (_) @name) @class
(exception_definition exception_name: (_) @name) @class
""",
    ),
    "clojure": Grammar(
        patterns="""
(list_lit . (sym_lit) @verb.function . (sym_lit name: (_) @name)) @function
(list_lit . (sym_lit) @verb.class . (sym_lit name: (_) @name)) @class
(list_lit . (sym_lit) . (sym_lit) . (str_lit) @docstring) @owner
""",
        words=spelled(
            {
                "verb.function": "defn defn- defmacro defmulti defmethod definline deftest def"
                " defonce s/def s/defn s/fdef >defn",
                "verb.class": "defprotocol defrecord deftype definterface defstruct ns s/defrecord",
            }
        ),
    ),
    "erlang": Grammar(
        attributes="spec",
        patterns="""
(fun_decl clause: (function_clause name: (_) @name)) @function
(pp_define lhs: (macro_lhs name: (_) @name)) @function
(record_decl name: (_) @name) @class
(type_alias name: (type_name name: (_) @name)) @class
(opaque name: (type_name name: (_) @name)) @class
(module_attribute name: (_) @name) @class
""",
        clauses=True,
    ),
    "lisp": Grammar(
        parser="commonlisp",
        patterns="""
(list_lit (defun (defun_header function_name: (_) @name))) @function
(list_lit . (sym_lit) @verb.function . (sym_lit) @name) @function
(list_lit . (sym_lit) @verb.class . [
  (sym_lit) @name (kwd_lit) @name (list_lit . (sym_lit) @name)
]) @class
(list_lit (defun (defun_header) . value: (str_lit) @docstring)) @owner
""",
        comments="comment block_comment",
        words=spelled(
            {
                "verb.function": "defvar defparameter defconstant define-compiler-macro deftype"
                " define-modify-macro defsetf define-setf-expander deftest define-symbol-macro",
                "verb.class": "defclass defstruct define-condition defpackage defsystem"
                " asdf:defsystem",
            }
        ),
    ),
    "elisp": Grammar(
        functions="function_definition macro_definition",
        patterns=_LIST
        + """
(special_form . ["defvar" "defconst"] . (symbol) @name) @function
(list . (symbol) @verb.function . (quote (symbol) @name)) @function
(function_definition docstring: (string) @docstring) @owner
(macro_definition docstring: (string) @docstring) @owner
""",
        words=spelled(
            {
                "verb.function": "cl-defun cl-defmacro cl-defgeneric cl-defmethod cl-defsubst"
                " defcustom defface defgroup defalias define-minor-mode define-derived-mode"
                " define-globalized-minor-mode defvar-local define-inline define-error"
                " define-obsolete-function-alias ert-deftest transient-define-prefix"
                " transient-define-suffix defhydra define-advice",
                "verb.class": "cl-defstruct defclass cl-deftype",
            }
        ),
    ),
    "scheme": Grammar(
        comments="comment block_comment",
        patterns=_LIST,
        words=spelled(
            {
                "verb.function": "define define* define-syntax define-syntax-rule define-macro"
                " define-public define*-public define-inline define-method define-generic"
                " define-values define-constant defmacro",
                "verb.class": "define-record-type define-structure define-class define-module"
                " define-library library",
            }
        ),
    ),
    "racket": Grammar(
        comments="comment block_comment",
        patterns=_LIST,
        words=spelled(
            {
                "verb.function": "define define/contract define-syntax define-syntax-rule"
                " define-syntax-parser define-simple-macro define-for-syntax define-values"
                " define/public define/private define/override define/augment define/match"
                " define-macro define-parser",
                "verb.class": "struct define-struct struct/contract module module+ module*"
                " define-type define-signature define-unit",
            }
        ),
    ),
    "elm": Grammar(
        classes="type_declaration type_alias_declaration",
        comments="line_comment block_comment",
        attributes="type_annotation",
        patterns=f"{_ELM_TOP}\n(port_annotation name: (_) @name) @function",
    ),
    "gleam": Grammar(
        functions="function external_function constant",
        comments="comment statement_comment module_comment",
        attributes="attribute",
        patterns="""
(type_definition (type_name name: (_) @name)) @class
(type_alias (type_name name: (_) @name)) @class
(external_type (type_name name: (_) @name)) @class
""",
    ),
    "purescript": Grammar(
        classes="data newtype type_alias",
        attributes="signature",
        patterns="""
(function name: (_) @name) @function
(foreign_import name: (_) @name) @function
(class_declaration (class_head (class_name) @name)) @class
""",
        clauses=True,
    ),
    "nix": Grammar(
        patterns="(binding attrpath: (_) @name expression: (function_expression)) @function",
    ),
    "fennel": Grammar(functions="fn lambda"),
    "janet": Grammar(functions="extra_defs", comments="line_comment"),
    "jsonnet": Grammar(
        patterns="""
(bind function: (_) @name) @function
(member (field function: (fieldname) @name)) @function
""",
    ),
}

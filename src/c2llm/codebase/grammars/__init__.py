"""What each grammar calls a function, a class, a comment: the table behind `syntax.definitions`.

A row names node types of the tree-sitter grammar. What plain node types cannot say (a function
assigned to a variable, a macro that defines) is a query pattern with the captures `@function` or
`@class`, and `@name` where the node has no `name` field; `@owner` and `@docstring` mark
documentation that stands inside of what it documents.
"""

from __future__ import annotations

from c2llm.codebase.grammars.c_family import C_FAMILY
from c2llm.codebase.grammars.common import COMMON
from c2llm.codebase.grammars.compiled import COMPILED
from c2llm.codebase.grammars.functional import FUNCTIONAL
from c2llm.codebase.grammars.grammar import Grammar
from c2llm.codebase.grammars.schemas import SCHEMAS
from c2llm.codebase.grammars.scripting import SCRIPTING

__all__ = ["GRAMMARS", "Grammar"]

GRAMMARS: dict[str, Grammar] = {
    **COMMON,
    **C_FAMILY,
    **COMPILED,
    **FUNCTIONAL,
    **SCHEMAS,
    **SCRIPTING,
}

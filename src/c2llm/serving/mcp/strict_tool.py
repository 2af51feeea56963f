"""A tool that refuses what it does not know: an argument that is ignored is a wrong answer."""

from __future__ import annotations

from typing import Any, Self

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError


class StrictTool(Tool):
    """A tool whose arguments are named in its schema, all of them, in as few words as possible."""

    @classmethod
    def made(cls, function: Any, **options: Any) -> Self:
        """A tool from a function; see `Tool.from_function`."""
        tool = cls.from_function(function, structured_output=False, **options)
        assert isinstance(tool, cls)
        tool.parameters = {**_short(tool.parameters), "additionalProperties": False}
        return tool

    async def run(
        self, arguments: dict[str, Any], context: Any, convert_result: bool = False
    ) -> Any:
        """Run the tool.

        Raises:
            ToolError: An argument is unknown, missing or of another type; the sentence names it.
        """
        known = self.parameters.get("properties", {})
        if unknown := [name for name in arguments if name not in known]:
            raise ToolError(
                f"{self.name} has no argument {', '.join(map(repr, unknown))}; it takes "
                f"{', '.join(known)}."
            )
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(_sentence(self.name, error.__cause__)) from None
            raise


def _short(schema: Any) -> Any:
    """A JSON schema without what repeats the names of its fields or says that null is null."""
    if isinstance(schema, list):
        return [_short(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    short = {
        key: {name: _short(field) for name, field in value.items()}
        if key == "properties"
        else _short(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }
    options = short.pop("anyOf", None)
    if options is not None:
        kept = [one for one in options if one != {"type": "null"}]
        short |= kept[0] if len(kept) == 1 else {"anyOf": kept}
    return short


def _sentence(tool: str, error: ValidationError) -> str:
    wrong = [
        f"`{'.'.join(map(str, one['loc']))}`: {one['msg'][:1].lower()}{one['msg'][1:]}"
        for one in error.errors(include_url=False, include_input=False)
    ]
    return f"{tool} does not take these arguments ({'; '.join(wrong)})."

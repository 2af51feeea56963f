"""The verb that enters the MCP server into the configuration of coding agents and editors."""

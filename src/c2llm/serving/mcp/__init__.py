"""The Model Context Protocol: tools that a coding agent calls."""

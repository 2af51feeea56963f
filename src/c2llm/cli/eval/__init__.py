"""The verbs below `c2llm eval`."""

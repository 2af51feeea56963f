"""The verb `c2llm catalog`."""

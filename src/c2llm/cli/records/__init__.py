"""The verb `c2llm records`."""

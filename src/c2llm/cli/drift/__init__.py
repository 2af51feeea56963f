"""`c2llm drift`: two versions compared, and a history looked through."""

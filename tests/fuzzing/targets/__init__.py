"""One target a file; the folders are those of `src/c2llm`."""

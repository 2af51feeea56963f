"""From ranked chunks to what is shown: whole functions, snippets, callers."""

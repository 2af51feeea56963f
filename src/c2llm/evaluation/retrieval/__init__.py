"""Retrieval tasks: queries, documents and judgements."""

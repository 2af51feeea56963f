"""Embeddings and search over HTTP, and the page that people search with."""

"""Notebooks and literate documents to chunks: cells, each in its language."""

"""The SQLite file of one tree: files, chunks, words, vectors, and the locks around it."""

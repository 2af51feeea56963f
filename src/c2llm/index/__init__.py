"""What is kept on disk: the store of chunks and vectors, and what builds it."""

"""Chunks and vectors to answers: store, build, search, rank."""

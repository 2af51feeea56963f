"""Files to chunks: walk a tree, know languages, cut code, mine (query, code) pairs. Knows nobody."""

"""Files to chunks: walk a tree, know languages, cut code, mine pairs. Knows nobody."""

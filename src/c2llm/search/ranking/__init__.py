"""The order of the candidates: features, their weights, the ranker."""

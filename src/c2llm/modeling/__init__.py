"""Tokens to a vector: the network in torch. Knows nobody."""

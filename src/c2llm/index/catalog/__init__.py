"""Catalogs: which repositories there are, how they are read, and how their store is filled."""

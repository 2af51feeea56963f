"""The store of a catalog: the contents of many repositories, each kept once."""

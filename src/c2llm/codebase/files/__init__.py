"""Which files of a tree are source: ignore rules, exclusions, the walk."""

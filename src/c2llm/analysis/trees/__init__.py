"""Trees that are compared: a folder, or a revision of a repository."""

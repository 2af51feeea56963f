"""What a repository has at a revision, and what its work tree has beside it."""

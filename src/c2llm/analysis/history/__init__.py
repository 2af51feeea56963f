"""How unusual a commit is for the files that it changes."""

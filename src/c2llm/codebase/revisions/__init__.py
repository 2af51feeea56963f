"""Files as a commit has them."""

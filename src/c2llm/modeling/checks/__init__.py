"""What the files of a model folder of unknown origin may hold, read without running them."""

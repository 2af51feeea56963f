"""A file as it is compared: tokens, statements, functions, and what they are found by."""

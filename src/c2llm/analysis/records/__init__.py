"""Results of runs joined to the code that was run, and what they say of code like it."""

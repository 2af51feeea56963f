"""`c2llm clones`: what is written twice, as text and in the forms that other programs read."""

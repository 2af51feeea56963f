"""Near copies among the answers: found, ordered behind what is different, and named with it."""

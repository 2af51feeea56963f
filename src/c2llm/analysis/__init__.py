"""Code compared with code: what is written twice, what changed, what must not return."""

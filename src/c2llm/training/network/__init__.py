"""The network that is trained: what of it learns, and how."""

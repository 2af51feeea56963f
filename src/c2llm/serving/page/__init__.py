"""The search page: its assets, and what it shows of an answer."""

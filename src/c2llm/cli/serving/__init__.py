"""The verbs around the server: `serve` and its keys, and the search that a running one answers."""

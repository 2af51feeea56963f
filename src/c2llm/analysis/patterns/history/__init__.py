"""When the hits of patterns came into a repository, and when they left it."""

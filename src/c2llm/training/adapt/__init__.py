"""A model fitted to a user's own repositories."""

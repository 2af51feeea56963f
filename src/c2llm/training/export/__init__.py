"""A trained model to what is shipped, and back."""

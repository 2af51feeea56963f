"""What is compared: our models, words, and other people's models."""

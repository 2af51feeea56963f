"""Text to unit vectors: the Encoder and its engines."""

"""Training pairs and hard negatives from repositories."""

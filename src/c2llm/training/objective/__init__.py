"""From the texts of a batch to the loss."""

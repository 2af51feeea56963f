"""A recipe to a trained model: the network, the loop, checkpoints."""

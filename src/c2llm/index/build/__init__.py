"""From a tree to its index: what changed is read, cut and embedded."""

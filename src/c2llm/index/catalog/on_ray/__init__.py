"""A catalog filled by a Ray cluster: cut on its processors, embedded by its actors."""

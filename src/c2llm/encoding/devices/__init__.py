"""Where the network in torch runs: on the CPU, a GPU or several, and in which numbers."""

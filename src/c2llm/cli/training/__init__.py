"""The verbs that mine, train, adapt, merge and export."""

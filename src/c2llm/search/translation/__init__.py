"""Questions in languages other than English: which English words their words stand for."""

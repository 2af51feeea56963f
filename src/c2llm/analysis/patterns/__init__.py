"""Named patterns of code that once caused harm, found by filters and by meaning."""

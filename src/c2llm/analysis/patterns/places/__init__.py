"""Where the filters of patterns find something, told by processes that may be ended."""

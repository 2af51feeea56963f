"""What can be worked out again: kept beside an index, and lost without harm."""

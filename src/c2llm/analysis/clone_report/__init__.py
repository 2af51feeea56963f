"""What a report of duplicates is made into: what differs, what is new, and each of its forms."""

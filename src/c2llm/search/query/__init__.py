"""What a query asks for, and which chunks may answer it."""

"""What differs between two versions of a function, and how much of it changes what it does."""

"""What a model costs: time and memory as measured, operations and bytes as counted."""

"""What a search for patterns tells: as JSON, as SARIF, against a baseline."""

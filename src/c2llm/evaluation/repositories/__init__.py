"""Search in whole repositories: questions, scores, and the ranker's fit."""

"""A question to answers: the query is read, candidates are retrieved, ranked and shown."""

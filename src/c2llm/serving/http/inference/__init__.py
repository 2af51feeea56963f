"""Routes of texts: embeddings, rerank, models; and what a request of texts may cost."""

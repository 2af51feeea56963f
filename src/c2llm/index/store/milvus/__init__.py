"""The store of a catalog in Milvus: a cluster, a single server, or Milvus Lite in a folder."""

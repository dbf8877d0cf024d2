"""Writing a bulletin: drafts that are never lost, documents, recordings, and how it will sound."""

"""What survives a power cut: one SQLite database in WAL mode with full synchronisation."""

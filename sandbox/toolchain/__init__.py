"""Programs found on PATH or built from pinned Go modules."""

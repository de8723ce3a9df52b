"""How the distributions are built from this checkout."""

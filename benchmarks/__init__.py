"""How long the program takes beside kubectl on the same objects, as ratios of one run."""

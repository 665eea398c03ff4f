"""A run in parts: what a part is, and which share of the run is its own."""

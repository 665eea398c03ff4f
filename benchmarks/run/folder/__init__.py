"""The folder that a run writes: one run at a time, and nothing removed but its own files."""

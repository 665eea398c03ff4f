"""The files of a run that are read again: how they are written and read."""

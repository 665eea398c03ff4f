"""The files of a run that are read again: how they are listed, sealed, checked and read."""

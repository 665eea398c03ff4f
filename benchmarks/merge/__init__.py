"""Merging the parts of a run, which machines computed apart."""

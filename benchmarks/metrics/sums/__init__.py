"""Sums over ranked or binned images, of all resamples at once."""

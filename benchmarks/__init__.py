"""The benchmark: evaluation of uncertainty methods, and everything that a run writes."""

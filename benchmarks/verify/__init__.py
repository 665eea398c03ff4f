"""Whether a run's published results are what this code computes."""

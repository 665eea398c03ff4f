"""Intervals and paired differences of every metric.

`resampling` computes the metrics on every resample of the images. Their covariances over the
resamples and the values of replicates give `intervals`, the rows of tables (`comparisons`) and
what a method is worth in networks (`worth`). `bands` computes curves and their intervals.
"""

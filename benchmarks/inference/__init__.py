"""Intervals and paired differences of every metric.

`resampling` computes the metrics on every resample of the images. Their covariances over the
resamples and the values of replicates give intervals (`estimate`), the sides of a comparison
(`sides`), what a method is worth in networks (`worth`) and the rows of tables (`comparisons`).
`bands` computes curves and their intervals.
"""

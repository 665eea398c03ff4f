"""Intervals and paired differences of every metric.

`resampling` gives each measure of a run unit a row, by which it varies with the draw of images;
`evidence` sums the rows. Their covariances and the values of replicates give `intervals`, the rows
of tables (`comparisons`) and what a method is worth in networks (`worth`). `bands` computes curves
and their intervals.
"""

"""Intervals and paired differences of every metric.

`resampling` computes the metrics on every resample of the images (`weights`). Their covariances
over the resamples (`covariance`) and values of replicates give intervals (`estimate`), paired
differences (`differences`) and the rows of tables (`comparisons`). `bands` computes curves and
their intervals.
"""

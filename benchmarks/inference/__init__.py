"""Intervals and paired differences of every measure.

`resampling` computes the measures (`measures`) on every resample of the images; its functions on
arrays are in `bootstrap`. Covariances over resamples and values of replicates give intervals
(`estimate`), paired differences (`differences`) and the rows of tables (`comparisons`). `bands`
computes the intervals of curves.
"""

"""How sure a number is: intervals and paired differences of every measure.

Measures (`measures`) are computed on every resample of the images by `resampling`, whose parts on
arrays are in `bootstrap`. From their covariances and the replicates follow an interval
(`estimate`), a paired difference (`differences`) and the rows of tables (`comparisons`). `bands`
has the intervals of curves.
"""

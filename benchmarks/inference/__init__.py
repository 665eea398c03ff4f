"""How sure a number is: intervals and paired differences, from arrays alone.

The images are resampled by how often each is drawn (`resamples`), every measure is computed on
every resample (`means`, `binned`, `ranks`), their covariances are kept (`spread`), and from these
and the replicates follow intervals (`estimate`) and paired differences (`differences`).
"""

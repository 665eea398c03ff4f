"""A run's units on the workers of Dask: of this machine, of a scheduler, or of a queue.

Dask does what keeps a cluster going: it starts workers, hands out units, and hands them out again
where a worker is lost. A unit may be done twice: it writes the same files, under a temporary name
first.
"""

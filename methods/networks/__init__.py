"""Architectures, how they are trained, and the pool and store of trained networks."""

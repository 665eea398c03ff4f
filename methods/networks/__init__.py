"""The article's network, how it is trained, and the pool and store of trained networks."""

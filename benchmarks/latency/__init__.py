"""The cost of predictions: latency, peak memory, multiply-adds and parameters of every method."""

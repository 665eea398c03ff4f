"""What predictions cost: latency, peak memory, multiply-adds and parameters of every method."""

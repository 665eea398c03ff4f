"""Whether a GPU computes what the CPU does, how fast it trains, and how fast it predicts."""

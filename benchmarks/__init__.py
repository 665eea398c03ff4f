"""The benchmark: what is asked of an uncertainty method, and what is written down."""

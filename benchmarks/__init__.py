"""The benchmark: how uncertainty methods are evaluated, and what is written down."""

"""Score external predictions, of any framework, with the suite's metrics and tables."""

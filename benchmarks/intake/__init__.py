"""Predictions of others: contestants whose predictions are given, from files or from Python."""

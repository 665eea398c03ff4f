"""Metrics that first fit something on the predictions of calibration images."""

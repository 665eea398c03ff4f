"""The command `run_all.py`: choose a configuration, run its stages, report."""

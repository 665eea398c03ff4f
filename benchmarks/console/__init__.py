"""The installed command ``uncertainty-bench``."""

"""A run: its configuration, what it computes (plan), its files (workspace), stages and record."""

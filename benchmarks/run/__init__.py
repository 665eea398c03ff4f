"""A run: its configuration, what it computes (plan), where (workspace), its stages and record."""

"""The tables of a run: what they hold, a file a kind of table, and how they are written."""

"""The tables of a run: one file per kind of table, and the formats they are written in."""

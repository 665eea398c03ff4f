"""The data sets: what they are, where their files are found or fetched, and how they are loaded."""

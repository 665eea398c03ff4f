"""The data sets: their files, where these are found or fetched, and how they are loaded."""

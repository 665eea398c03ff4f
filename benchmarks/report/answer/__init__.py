"""Which method to use: situations of a user, what tests say in each, and how it is told."""

"""Which method to use: the questions of a user, what tests say of each, and the answers."""

"""Which method to use: how the candidates of each question rank, and the answers."""

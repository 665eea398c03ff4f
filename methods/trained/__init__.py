"""Methods that train a network of their own, each for the compute of its recipe's network."""

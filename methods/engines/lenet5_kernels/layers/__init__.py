"""The compiled loops that the network is made of, one kind of layer a file."""

"""The compiled loops of the network, one file per kind of layer."""

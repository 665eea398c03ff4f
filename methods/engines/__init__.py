"""Training and evaluation of networks: PyTorch on any device, or Numba kernels on the CPU."""

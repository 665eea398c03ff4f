"""What trains and evaluates networks: PyTorch on any device, or Numba kernels on the CPU."""

"""Is it epistemic? Experiments on data size, the draw of the data, label noise, and people."""

"""The bootstrap over images, on arrays: weights, each measure on every resample, covariances."""

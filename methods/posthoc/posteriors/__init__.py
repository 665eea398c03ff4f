"""Gaussians over the weights of networks, as Laplace approximations and SWAG fit them."""

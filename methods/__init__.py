"""The uncertainty methods: how an opinion about an image is formed."""

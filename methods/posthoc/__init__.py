"""Methods that add to trained networks what a user can add afterwards, each in a file."""

"""Methods that add to a training what a user can add: afterwards, or by keeping networks of it."""

"""What matplotlib draws, as parts of the page."""

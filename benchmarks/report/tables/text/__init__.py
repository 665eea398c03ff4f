"""Tables as text: for files, and for a terminal."""

"""The conditions under which methods are evaluated, and their images."""

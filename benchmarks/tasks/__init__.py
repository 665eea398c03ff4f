"""What is to be classified: the conditions under which methods are evaluated, and their images."""

"""Methods compared on the same images: differences, equivalence, and worth in networks."""

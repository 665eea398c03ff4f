"""What is measured: pure functions of tensors, which know neither methods nor data.

How each measure compares with the libraries and papers that use its name is in README.md.
"""

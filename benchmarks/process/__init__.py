"""How the suite's processes begin, tell what they are doing, and end.

By the standard library alone: this is at work before anything that takes long to import.
"""

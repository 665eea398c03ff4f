"""The lab: a page on which one draws a digit, and trained networks vote for its class."""

"""Numbers that tables, figures and page have in common."""

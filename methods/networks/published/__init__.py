"""Networks and recipes that follow other papers, whose published numbers are judged."""

"""Names that others chose, shown as they are wherever they are written: escaped here alone.

A name of a file, an array or a custom method's class field may be anything. What could not be shown
is refused (`names`); all else is escaped for what it is written to: a terminal, Markdown or LaTeX.
HTML is escaped by Jinja, for which it is switched on.
"""

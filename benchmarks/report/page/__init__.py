"""The results as one page for people, `index.html`, that needs neither network nor server."""

from benchmarks.report.page.page import INDEX, write_page

__all__ = ["INDEX", "write_page"]

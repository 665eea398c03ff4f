"""The results as one page for people, `index.html`, that needs neither network nor server."""

from benchmarks.report.page.page import write_page

__all__ = ["write_page"]

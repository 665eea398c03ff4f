"""All results as one page, `index.html`, which needs neither network nor server."""

from benchmarks.report.page.page import write_page

__all__ = ["write_page"]

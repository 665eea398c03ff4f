"""The project's site: docs, API reference, results and lab as pages that need no network."""

"""Run as a script with names of modules: calls their kernels once, so that they get compiled."""

from __future__ import annotations

import sys
from importlib import import_module

if __name__ == "__main__":
    for name in sys.argv[1:]:
        import_module(f"methods.engine.{name}").rehearse()

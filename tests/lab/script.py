"""The lab's scripts, run by Node.js: JSON in, JSON out."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.lab.contents import Rounded
from benchmarks.lab.page import WORKER, script

NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="no node: the tests marked browser remain")

UNPACKED = """
const bytesOf = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const networkOf = ({ content, eightBits, ...rest }) =>
  ({ ...rest, layers: unpacked(bytesOf(content), eightBits) });
"""


def computed(code: str, given: Any, scripts: Sequence[str] = WORKER[:-1]) -> Any:
    """What the code returns, a function's body that sees ``given`` and the scripts."""
    assert NODE is not None
    functions = "\n".join(script(name) for name in scripts)
    program = (
        f"{functions}\n{UNPACKED}\n"
        f"const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n"
        f"const result = (() => {{ {code} }})();\n"
        "process.stdout.write(JSON.stringify(result, (_, value) =>\n"
        "  ArrayBuffer.isView(value) ? Array.from(value) : value));"
    )
    done = subprocess.run(
        [NODE, "--eval", program], input=json.dumps(given), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def described(small: Rounded) -> dict[str, Any]:
    """The network for `networkOf`."""
    network = small.network
    return {
        "name": network.name,
        "mean": network.mean,
        "std": network.std,
        "dropout": network.dropout,
        "eightBits": list(small.eight_bits),
        "content": b64encode(small.content).decode("ascii"),
    }

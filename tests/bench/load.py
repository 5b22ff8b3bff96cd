"""The client of the serving benchmark: wrk, which is written in C and takes a fraction of what any
of the servers does. One thread of it, however many connections, sends the same bytes to everybody.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Failed

_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: JSON, or JSON and binary tensors behind it."""

    path: Path
    header_length: int | None = None

    @classmethod
    def written(cls, path: Path, content: bytes, header_length: int | None = None) -> Body:
        """The same, in a file."""
        path.write_bytes(content)
        return cls(path, header_length)


@dataclass(frozen=True, slots=True)
class Load:
    """What came of so many connections, each of which asks again when it is answered; seconds."""

    median: float
    slow: float
    rate: float


def load(port: int, body: Body, connections: int, seconds: int) -> Load:
    """Ask a server for so long.

    Raises:
        Failed: it did not answer everybody with 200.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(_SCRIPT), f"http://127.0.0.1:{port}/v2/models/m/infer"]
    binary = body.header_length is not None
    environment = {
        "LOAD_BODY": str(body.path),
        "LOAD_TYPE": "application/octet-stream" if binary else "application/json",
        "LOAD_HEADER": str(body.header_length or ""),
    }
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | environment
        )
    except FileNotFoundError as error:
        raise Failed("wrk is missing: apt-get install wrk") from error
    except subprocess.CalledProcessError as error:
        raise Failed(f"wrk failed: {error.stderr[-500:]}") from error
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise Failed(f"{told['failed']} of {told['requests']} requests failed")
    rate = told["requests"] / (told["lasted"] / 1e6)
    return Load(told["median"] / 1e6, told["slow"] / 1e6, rate)

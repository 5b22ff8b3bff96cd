"""A container of a serving image, asked from inside of it: it has no network but its own."""

from __future__ import annotations

import time

from parts.docker_engine import DockerEngine
from parts.podman import Podman

_ASK = """
import sys, urllib.request as u
path, body = sys.argv[1:]
request = u.Request('http://127.0.0.1:8080' + path, body.encode() or None,
                    {'Content-Type': 'application/json'})
try:
    answer = u.urlopen(request)
except u.HTTPError as error:
    answer = error
print(answer.status, answer.headers['X-Model-Digest'], answer.read().decode())
# It is loading: come again.
sys.exit(answer.status == 503)
"""


def served(engine: DockerEngine | Podman, image: str, path: str, body: str = "") -> str:
    """What it answers: the status, the digest of the model, and the body. It may write nowhere."""
    alone = ("run", "--detach", "--network=none", "--read-only", "--cap-drop=ALL")
    container = engine.run(*alone, image).stdout.strip()
    try:
        return answered(engine, container, path, body)
    finally:
        engine.run("rm", "--force", container)


def answered(engine: DockerEngine | Podman, container: str, path: str, body: str = "") -> str:
    """What one that runs answers, as soon as it is ready."""
    for _ in range(120):
        done = engine.run("exec", container, "python", "-c", _ASK, path, body, check=False)
        if done.returncode == 0:
            return done.stdout
        time.sleep(0.5)
    raise AssertionError(engine.run("logs", container).stderr + done.stderr)

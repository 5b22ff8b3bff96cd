"""Watch a model: in a program of your own, and as a receiver of signed webhooks.

Run it: python examples/receive_webhook.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import lading

SECRET = "0123456789abcdef0123456789abcdef"
MODEL = "examples/watched"
# What remembers who was told; a real watch keeps its own, and goes on where it was.
CURSOR = f"example-{os.getpid()}"

with tempfile.TemporaryDirectory() as folder:
    model = Path(folder) / "weights.bin"
    model.write_bytes(bytes(1000))
    lading.push(model, f"{MODEL}:1.0.0")
    lading.promote(f"{MODEL}:1.0.0", "prod")

# In a program: every move of prod, once. Without once=True this goes on for ever.
for event in lading.watch(MODEL, stage="prod", once=True, from_start=True, cursor=CURSOR):
    print("program:", event.kind, event.version, "for", event.stage, "by digest:", event.reference)


class Receiver(BaseHTTPRequestHandler):
    """What stands at the other end of ``lading watch --webhook``."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            delivery = lading.verify_webhook(SECRET, dict(self.headers.items()), body)
        except lading.AccessDenied as error:
            print("refused:", error.cause)
            self.send_response(401)
        else:
            # A delivery that is repeated has the id that it had: do nothing twice.
            print("webhook:", self.headers["Lading-Event"], "genuine:", len(delivery) == 32)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


with HTTPServer(("127.0.0.1", 0), Receiver) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    command = [sys.executable, "-m", "lading", "watch", MODEL, "--stage", "prod", "--once"]
    command += ["--from-start", "--cursor", CURSOR, "--webhook", url, "--secret-env", "HOOK", "-q"]
    sys.stdout.flush()
    subprocess.run(command, env={**os.environ, "HOOK": SECRET}, check=True)
    stranger = {**os.environ, "HOOK": "another secret, long enough"}
    command[command.index(CURSOR)] += "-2"
    refused = subprocess.run(command, env=stranger, capture_output=True, check=False)
    print("a stranger's exit code:", refused.returncode)
    server.shutdown()

print("prod is", lading.event_show(f"{MODEL}:prod").version)

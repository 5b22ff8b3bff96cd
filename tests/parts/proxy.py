"""A forwarding proxy that remembers what went through it, for HTTP_PROXY and HTTPS_PROXY."""

from __future__ import annotations

import base64
import contextlib
import http.client
import select
import socket
from typing import cast
from urllib.parse import urlsplit

from parts.server import BUFFER, Handler, Server


class _ProxyHandler(Handler):
    def answer(self) -> None:
        part = cast("Proxy", self.part)
        if part.user_password and not self._knows(part.user_password):
            self.reply(407, b"", {"Proxy-Authenticate": 'Basic realm="proxy"'})
        elif self.command == "CONNECT":
            self._tunnel()
        else:
            self._forward()

    def _knows(self, user_password: str) -> bool:
        expected = "Basic " + base64.b64encode(user_password.encode()).decode()
        return self.request_log.headers.get("proxy-authorization") == expected

    def _tunnel(self) -> None:
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as upstream:
            self.send_head(200)
            self.end_headers()
            self.close_connection = True
            self._relay(upstream)

    def _relay(self, upstream: socket.socket) -> None:
        ends = {self.connection: upstream, upstream: self.connection}
        while True:
            ready, _, _ = select.select(list(ends), [], [], 30)
            for end in ready:
                data = end.recv(BUFFER)
                if not data:
                    return
                ends[end].sendall(data)

    def _forward(self) -> None:
        url = urlsplit(self.path)
        connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=10)
        with contextlib.closing(connection):
            target = url.path + (f"?{url.query}" if url.query else "")
            headers = {
                name: value
                for name, value in self.headers.items()
                if not name.lower().startswith("proxy-")
            }
            connection.request(self.command, target, self.read_body(), headers)
            answer = connection.getresponse()
            body = answer.read()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in ("date", "server")}
            self.reply(answer.status, body, kept)


class Proxy(Server):
    """Forwards plain requests and tunnels CONNECT; ``user_password`` (``u:p``) is demanded."""

    handler = _ProxyHandler

    def __init__(self, *, user_password: str | None = None) -> None:
        super().__init__()
        self.user_password = user_password

    def tunnels(self) -> list[str]:
        """The host:port of every CONNECT."""
        return [request.target for request in self.asked("CONNECT")]

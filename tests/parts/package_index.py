"""An index of packages on a loopback port, as pip asks one: a folder of wheels."""

from __future__ import annotations

import functools
import hashlib
import http.server
import re
import threading
import urllib.parse
from pathlib import Path
from types import TracebackType
from typing import Self


class PackageIndex:
    """Serves ``/simple/NAME/`` and the files; counts what was asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.asked: list[str] = []
        # What a client must show, as ``user:password``; nothing where anybody may.
        self.secret: str | None = None
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Handler, self)
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """What pip calls the index-url."""
        signed = f"{self.secret}@" if self.secret else ""
        return f"http://{signed}127.0.0.1:{self._server.server_port}/simple/"

    def hash_of(self, name: str) -> str:
        """The hash of the only wheel of a package, as locks write it."""
        (wheel,) = self.folder.glob(f"{name.replace('-', '_')}-*.whl")
        return f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, index: PackageIndex, *arguments: object) -> None:
        self.index = index
        super().__init__(*arguments)  # type: ignore[arg-type]  # handed through as it came

    def do_GET(self) -> None:
        self.index.asked.append(self.path)
        if self.index.secret and "Authorization" not in self.headers:
            return self._answer(401, b"", ("WWW-Authenticate", 'Basic realm="index"'))
        page = re.fullmatch(r"/simple/([a-z0-9-]+)/", self.path)
        if page:
            return self._answer(200, self._links(page[1]), ("Content-Type", "text/html"))
        file = self.index.folder / Path(urllib.parse.unquote(self.path)).name
        if self.path.startswith("/files/") and file.is_file():
            return self._answer(200, file.read_bytes())
        return self._answer(404, b"")

    def _links(self, name: str) -> bytes:
        files = sorted(self.index.folder.glob(f"{name.replace('-', '_')}-*.whl"))
        return "".join(f'<a href="/files/{f.name}">{f.name}</a>\n' for f in files).encode()

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name
        """Say nothing."""

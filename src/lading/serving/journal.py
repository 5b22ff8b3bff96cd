"""What the server tells whoever watches it: one JSON object a line, each with the model's digest.

No payload is ever in it: no input, no answer, and of an error inside the model its class and its
place but not its words, which may quote the input.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from lading.serving.model import Model

_LONGEST: Final = 300
_FRAMES: Final = 8
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_text: Final = json.encoder.encode_basestring_ascii


class Journal:
    """Writes lines to whoever wants them."""

    def __init__(self, write: Callable[[str], object], *, worker: int | None = None) -> None:
        self._write = write
        self._worker = {} if worker is None else {"worker": worker}
        self._request = '"level":"info","event":"request",' + "".join(
            f'"{name}":{number},' for name, number in self._worker.items()
        )
        # The second that was written last, as text: a server writes many lines in one.
        self._second = -1
        self._moment = ""

    def tell(
        self, event: str, model: Model | None = None, *, level: str = "info", **of: Any
    ) -> None:
        """One line."""
        known = {} if model is None else _identity(model)
        line = {"level": level, "event": event, **self._worker, **known, **of}
        self._line({name: _short(value) for name, value in line.items() if value is not None})

    def request(
        self,
        model: Model | None,
        *,
        expected: str,
        method: str,
        path: str,
        endpoint: str,
        status: int,
        seconds: float,
        rows: int | None,
        request_id: str | None,
    ) -> None:
        """The line of one request: put together by hand, since there are so many of them.

        ``expected`` is the digest of the model that is to answer, where none is loaded yet.
        """
        if model is None:
            known = f'"digest":{_text(expected[:_LONGEST])},'
        else:
            known = _identity_text(model.name, model.version, model.digest)
        more = "" if rows is None else f',"rows":{rows}'
        more += "" if request_id is None else f',"request_id":{_text(request_id)}'
        self._write(
            f'{self._stamp()}{self._request}{known}"method":{_text(method)},'
            f'"path":{_text(path[:_LONGEST])},"endpoint":"{endpoint}","status":{status},'
            f'"seconds":{seconds:.6f}{more}}}'
        )

    def _line(self, fields: dict[str, Any]) -> None:
        self._write(self._stamp() + _encode(fields)[1:])

    def _stamp(self) -> str:
        """How every line begins."""
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            moment = dt.datetime.fromtimestamp(self._second, dt.UTC)
            self._moment = moment.strftime("%Y-%m-%dT%H:%M:%S")
        return f'{{"time":"{self._moment}.{int(now % 1 * 1000):03}Z",'

    def warn(self, event: str, model: Model | None = None, **of: Any) -> None:
        """One line that somebody should read."""
        self.tell(event, model, level="warning", **of)

    def bug(self, event: str, error: BaseException, model: Model | None = None) -> None:
        """An error that nobody foresaw, without what it says."""
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        self.tell(event, model, level="error", error=type(error).__name__, at=places)


def _identity(model: Model) -> dict[str, str]:
    return {"model": model.name, "version": model.version, "digest": model.digest}


@lru_cache(maxsize=64)
def _identity_text(name: str, version: str, digest: str) -> str:
    told = {"model": name, "version": version, "digest": digest}
    return _encode({field: _short(value) for field, value in told.items()})[1:-1] + ","


def _short(value: Any) -> Any:
    return value[:_LONGEST] if isinstance(value, str) else value


class ServerLog(logging.Handler):
    """Lines of the HTTP server's own logger, in the journal's form; tracebacks without words."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._journal.bug("server", error)
        else:
            self._journal.tell(
                "server", level=record.levelname.lower(), message=record.getMessage()
            )

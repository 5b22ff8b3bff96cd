"""Uploading a blob: in one piece, or in chunks that go on where the registry says they end.

A blob whose digest is known goes up in one PUT, sent by the kernel where it can be. A blob
whose digest is not known is hashed while it travels, as PATCH, and named by the closing PUT.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from lading.errors import IntegrityError, LadingError, Unavailable, Unsupported
from lading.ports import Content, FileSlice, Segmented
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest, Hasher
from lading.stores.remote.client import Client, refusal
from lading.stores.remote.connection import Body, BrokenConnection, Response
from lading.stores.remote.dialect import DialectMemory
from lading.stores.remote.grant import Scope
from lading.stores.remote.journal import UploadJournal

_log = logging.getLogger(__name__)

_BUFFER = 256 * 1024
# Of a broken upload no more than this is sent again, where the registry keeps whole chunks.
_PART = 256 * 1024 * 1024
# GHCR refuses a PATCH above 4 MiB, and others may have limits of their own.
_SMALLEST_PATCH = 4 * 1024 * 1024
# Below this a broken upload is not worth a session that can be resumed.
RESUMABLE = 16 * 1024 * 1024


class SessionLost(Exception):
    """The registry no longer knows the upload: begin again."""


@dataclass(slots=True)
class Session:
    """An open upload: where its next bytes go, and how many have arrived."""

    location: str
    offset: int = 0
    minimum: int = 0


class Uploader:
    """Uploads to one repository of one registry; safe to use from many threads."""

    def __init__(
        self,
        client: Client,
        uploads: str,
        scopes: tuple[Scope, ...],
        *,
        dialect: DialectMemory,
        journal: UploadJournal,
        name: str,
    ) -> None:
        self._client = client
        self._uploads = uploads
        self._scopes = scopes
        self._dialect = dialect
        self._journal = journal
        self._doing = f"push to {name}"

    def push(self, descriptor: Descriptor, content: Content) -> None:
        """Upload content whose digest is known.

        Raises:
            IntegrityError: the registry found another digest.
            LadingError: it refused, or went away.
        """
        known = self._dialect.known
        resumable = content.size >= RESUMABLE and known.chunked is not False
        # Distribution 2.x loses a broken PATCH and the session with it: one PUT is quicker.
        if resumable and known.loses_children is False:
            try:
                self._in_chunks(content, str(descriptor.digest), expected=descriptor.digest)
            except Unsupported:
                _log.debug("no chunks here: one PUT instead")
            else:
                return
        self._in_one_piece(descriptor, content)

    def absorb(self, content: Content, key: str | None) -> Digest:
        """Upload content and hash it while it travels; ``key`` finds it again after a crash.

        Raises:
            Unsupported: this registry takes no chunks; nothing was lost.
        """
        if self._dialect.known.chunked is False:
            raise Unsupported("this registry takes no chunks")
        return self._in_chunks(content, key, expected=None)

    def mount(self, descriptor: Descriptor, repository: str) -> bool:
        """Take a blob from another repository of the same registry; False where it will not."""
        source = Scope(repository, frozenset({"pull"}))
        query = f"?mount={quote(descriptor.digest)}&from={quote(repository, safe='')}"
        try:
            response = self._client.call(
                "POST",
                self._uploads + query,
                (*self._scopes, source),
                accept=(201, 202),
                doing=f"mount {descriptor.digest.short} from {repository}",
            )
        except LadingError as error:
            # Whoever may not read there, or whose registry cannot mount, uploads instead.
            _log.debug("no mount: %s", error)
            return False
        location = response.headers.get("Location")
        mounted = response.status == 201
        response.drop()
        if not mounted and location:
            self._cancel(self._client.resolve_location(self._uploads, location))
        return mounted

    def _in_one_piece(self, descriptor: Descriptor, content: Content) -> None:
        failures = 0
        while True:
            session = self._begin()
            try:
                response = self._client.call(
                    "PUT",
                    _with_digest(session.location, descriptor.digest),
                    self._scopes,
                    headers={"Content-Type": "application/octet-stream"},
                    body=lambda: Body(content.size, _pieces(content, 0)),
                    accept=(201, 204),
                    doing=self._doing,
                    repeat=False,
                )
            except (BrokenConnection, Unavailable) as error:
                failures = self._wait(failures, error)
                continue
            self._check(response, descriptor.digest)
            return

    def _in_chunks(self, content: Content, key: str | None, expected: Digest | None) -> Digest:
        failures = 0
        while True:
            session = self._resumed(key, content.size) or self._begin()
            if key:
                self._journal.keep(key, session.location)
            stream = _HashedStream(content)
            try:
                digest = self._stream(session, stream, key, failures, expected)
            except SessionLost as error:
                if key:
                    self._journal.forget(key)
                failures = self._wait(failures, error)
                continue
            if key:
                self._journal.forget(key)
            return digest

    def _stream(
        self,
        session: Session,
        stream: _HashedStream,
        key: str | None,
        failures: int,
        expected: Digest | None,
    ) -> Digest:
        size = stream.content.size
        while session.offset < size:
            length = self._next_length(session, size)
            before = session.offset
            try:
                self._patch(session, stream, length)
            except (BrokenConnection, Unavailable) as error:
                failures = self._wait(0 if session.offset > before else failures, error)
                self._resynchronise(session, size)
            if key:
                self._journal.keep(key, session.location)
        digest = stream.finish()
        if expected is not None and digest != expected:
            self._cancel(session.location)
            raise IntegrityError(f"content of {expected} is damaged", cause=f"got {digest}")
        self._close(session, digest, failures)
        return digest

    def _next_length(self, session: Session, size: int) -> int:
        remaining = size - session.offset
        known = self._dialect.known
        if known.loses_children:
            return remaining  # what breaks is lost anyway: no parts
        largest = max(known.largest_patch or _PART, session.minimum)
        return remaining if remaining < largest + session.minimum else largest

    def _patch(self, session: Session, stream: _HashedStream, length: int) -> None:
        start = session.offset
        response = self._client.call(
            "PATCH",
            session.location,
            self._scopes,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{start}-{start + length - 1}",
            },
            body=lambda: Body(length, stream.pieces(start, length)),
            accept=(201, 202, 204, 400, 404, 405, 413, 415, 416, 501),
            doing=self._doing,
            repeat=False,
        )
        if response.status in (201, 202, 204):  # ECR answers 201 to the first
            self._advance(session, response, start + length)
            response.drop()
            return
        self._refused(response, session, start, length)

    def _refused(self, response: Response, session: Session, start: int, length: int) -> None:
        status = response.status
        if status == 404:
            response.drop()
            raise SessionLost("the registry lost the upload")
        if status in (413, 416) and length > _SMALLEST_PATCH and start == 0:
            response.drop()
            self._cancel(session.location)
            self._dialect.learn(largest_patch=max(_SMALLEST_PATCH, session.minimum), chunked=False)
            raise Unsupported("this registry takes no large chunks")
        if status == 416:
            response.drop()
            raise BrokenConnection(EOFError("out of step with the registry"), reused=False)
        if status in (400, 405, 415, 501) and start == 0:
            response.drop()
            self._dialect.learn(chunked=False)
            raise Unsupported("this registry takes no chunks")
        raise refusal(response, "PATCH", session.location, self._doing, self._client.origin)

    def _advance(self, session: Session, response: Response, reached: int) -> None:
        location = response.headers.get("Location")
        if location:
            session.location = self._client.resolve_location(session.location, location)
        stated = _range_end(response)
        # One byte and none look the same in distribution's Range.
        session.offset = reached if stated is None or reached == 1 else stated
        if session.offset > reached:
            raise SessionLost("the registry holds more than was sent")

    def _resynchronise(self, session: Session, size: int) -> None:
        """Ask how much arrived.

        Raises:
            SessionLost: distribution 2.8 answers 404 here once a PATCH broke.
        """
        try:
            response = self._client.call(
                "GET",
                session.location,
                self._scopes,
                accept=(200, 202, 204),
                doing=self._doing,
            )
        except LadingError as error:
            raise SessionLost(str(error)) from error
        response.drop()
        location = response.headers.get("Location")
        if location:
            session.location = self._client.resolve_location(session.location, location)
        session.offset = _range_end(response) or 0
        if session.offset > size:
            raise SessionLost("the registry holds more than was sent")

    def _resumed(self, key: str | None, size: int) -> Session | None:
        location = self._journal.find(key) if key else None
        if location is None or key is None:
            return None
        session = Session(location)
        try:
            self._resynchronise(session, size)
        except SessionLost:
            self._journal.forget(key)
            return None
        _log.debug("going on with an upload at byte %d", session.offset)
        return session

    def _begin(self) -> Session:
        response = self._client.call(
            "POST", self._uploads, self._scopes, accept=(202,), doing=self._doing
        )
        response.drop()
        location = response.headers.get("Location")
        if not location:
            raise Unavailable(f"cannot {self._doing}", cause="the registry names no upload place")
        minimum = response.headers.get("OCI-Chunk-Min-Length", "")
        return Session(
            self._client.resolve_location(self._uploads, location),
            minimum=min(int(minimum), _PART) if minimum.isdigit() else 0,
        )

    def _close(self, session: Session, digest: Digest, failures: int) -> None:
        while True:
            try:
                response = self._client.call(
                    "PUT",
                    _with_digest(session.location, digest),
                    self._scopes,
                    accept=(201, 204, 404),
                    doing=self._doing,
                    repeat=False,
                )
            except (BrokenConnection, Unavailable) as error:
                failures = self._wait(failures, error)
                continue
            if response.status == 404:
                response.drop()
                raise SessionLost("the registry lost the upload")
            self._check(response, digest)
            self._dialect.learn(chunked=True)
            return

    def _check(self, response: Response, digest: Digest) -> None:
        response.drop()
        stated = response.headers.get("Docker-Content-Digest")
        if stated and stated != digest and stated.startswith(f"{digest.algorithm}:"):
            raise IntegrityError(f"the registry stored {digest} as other content", cause=stated)

    def _cancel(self, location: str) -> None:
        try:
            self._client.call(
                "DELETE",
                location,
                self._scopes,
                accept=(200, 202, 204, 404, 405),
                doing="cancel an upload",
            ).drop()
        except LadingError as error:
            _log.debug("an upload stays open until the registry forgets it: %s", error)

    def _wait(self, failures: int, error: Exception) -> int:
        if failures >= self._client.settings.retries:
            if isinstance(error, LadingError):
                raise error
            raise Unavailable(
                f"cannot {self._doing}",
                cause=str(error),
                hint="push again: what has arrived is kept",
            ) from error
        time.sleep(min(10.0, 0.2 * 2.0**failures))
        return failures + 1


class _HashedStream:
    """Content, sent stretch by stretch and hashed exactly once, wherever sending begins."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self._hasher: Hasher = Digest.of(b"").hasher()
        self._hashed = 0

    def pieces(self, start: int, length: int) -> Iterator[memoryview]:
        """The bytes of one chunk, hashed as they go by unless they have been before."""
        self._catch_up(start)
        buffer = memoryview(bytearray(_BUFFER))
        position, end = start, start + length
        with self.content.open(start) as reader:
            while position < end:
                count = reader.readinto(buffer[: min(_BUFFER, end - position)])
                if not count:
                    return  # the transport notices that too little was sent
                self._take(buffer[:count], position)
                position += count
                yield buffer[:count]

    def finish(self) -> Digest:
        """The digest of everything."""
        self._catch_up(self.content.size)
        return Digest.finish(self._hasher)

    def _take(self, piece: memoryview, position: int) -> None:
        new = position + len(piece) - self._hashed
        if new > 0:
            self._hasher.update(piece[-new:] if new < len(piece) else piece)
            self._hashed += new

    def _catch_up(self, position: int) -> None:
        """Hash what an earlier run has sent."""
        if self._hashed >= position:
            return
        buffer = memoryview(bytearray(_BUFFER))
        with self.content.open(self._hashed) as reader:
            while self._hashed < position:
                count = reader.readinto(buffer[: min(_BUFFER, position - self._hashed)])
                if not count:
                    return
                self._hasher.update(buffer[:count])
                self._hashed += count


def _pieces(content: Content, offset: int) -> Iterator[bytes | memoryview | FileSlice]:
    if isinstance(content, Segmented):
        yield from content.segments(offset)
        return
    buffer = memoryview(bytearray(_BUFFER))
    with content.open(offset) as reader:
        while count := reader.readinto(buffer):
            yield buffer[:count]


def _with_digest(location: str, digest: Digest) -> str:
    separator = "&" if urlsplit(location).query else "?"
    return f"{location}{separator}digest={quote(digest, safe='')}"


def _range_end(response: Response) -> int | None:
    """How many bytes the registry holds, from its ``Range: 0-N``."""
    match = re.fullmatch(r"(?:bytes=)?0-(\d+)", response.headers.get("Range", "").strip())
    if match is None:
        return None
    # An empty upload is reported as 0-0 by distribution, the same as one of one byte.
    return int(match[1]) + 1 if int(match[1]) else 0

"""A strict double of an OCI 1.1 registry, on loopback, with faults on demand.

It is a double because Debian has no registry with the referrers API, paginated tags, strict
chunk order or resumable uploads, and because no real registry breaks a connection when a test
asks for it. ``parts_checks`` holds it to what docker-registry really does where the two agree.

What it is strict about: an upload's latest location must be used, with its query; chunks come in
order; ``Accept`` must name the manifest's type; a manifest's children must be there; digests
are checked; a mount needs the right to pull from the source.

Everything is in memory: it is for small models. See :mod:`parts.discard` for large ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

from parts.certificates import Authority
from parts.dialect import OCI, Dialect
from parts.server import Handler, Request, Server
from parts.tokens import TokenServer

INDEX = "application/vnd.oci.image.index.v1+json"
_NAME = r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it was put."""

    media_type: str
    raw: bytes


@dataclass(slots=True)
class Session:
    """An upload under way."""

    id: str
    data: bytearray = field(default_factory=bytearray)
    state: int = 0
    patches: int = 0
    short: bool = False


@dataclass(slots=True)
class Repository:
    """What one repository holds."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, Stored] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, Session] = field(default_factory=dict)


@dataclass(slots=True)
class Fault:
    """Something that goes wrong on purpose; see :meth:`Double.fail`."""

    method: str
    path: str
    times: int = 1
    skip: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    early: bool = False
    after_bytes: int | None = None
    truncate: int | None = None
    corrupt: bool = False
    delay: float = 0.0
    trickle: float = 0.0
    lose_upload: bool = False
    lose_answer: bool = False
    action: Callable[[], object] | None = None
    hits: int = 0

    def matches(self, request: Request) -> bool:
        """Whether this request is to fail, counting it."""
        if self.times <= 0 or request.method != self.method:
            return False
        if not re.search(self.path, request.target):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True


class Double(Server):
    """A registry in memory.

    ``dialect`` says how it departs from the specification; it, ``users`` (basic), ``tokens``
    (bearer), ``realm``, ``redirect_blobs`` and ``upload_origin`` may be changed while it runs.
    """

    def __init__(
        self,
        *,
        dialect: Dialect = OCI,
        authority: Authority | None = None,
        users: Mapping[str, str] | None = None,
        tokens: TokenServer | None = None,
    ) -> None:
        super().__init__(authority=authority)
        self.dialect = dialect
        self.users = dict(users or {})
        self.tokens = tokens
        # A realm that is not the token server's own, to lead clients astray.
        self.realm: str | None = None
        # Another origin (a Bucket's) that blobs are served from, and that uploads go to.
        self.redirect_blobs: str | None = None
        self.upload_origin: str | None = None
        self.repositories: dict[str, Repository] = {}
        self._faults: list[Fault] = []
        self.lock = threading.RLock()

    # --- what tests look at and change -------------------------------------------------------

    def repository(self, name: str) -> Repository:
        """A repository, made when it is not there."""
        with self.lock:
            return self.repositories.setdefault(name, Repository())

    def put_blob(self, name: str, raw: bytes) -> str:
        """Store a blob without asking; its digest."""
        digest = digest_of(raw)
        self.repository(name).blobs[digest] = raw
        return digest

    def put_manifest(self, name: str, raw: bytes, media_type: str, tag: str | None = None) -> str:
        """Store a manifest without asking or checking; its digest."""
        digest = digest_of(raw)
        repository = self.repository(name)
        repository.manifests[digest] = Stored(media_type, raw)
        if tag is not None:
            repository.tags[tag] = digest
        return digest

    def forget_uploads(self) -> None:
        """Lose every upload session, as a registry that restarts may."""
        with self.lock:
            for repository in self.repositories.values():
                repository.uploads.clear()

    # --- faults -------------------------------------------------------------------------------

    def fail(
        self,
        method: str,
        path: str,
        *,
        times: int = 1,
        skip: int = 0,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        early: bool = False,
        after_bytes: int | None = None,
        truncate: int | None = None,
        corrupt: bool = False,
        delay: float = 0.0,
        trickle: float = 0.0,
        lose_upload: bool = False,
        lose_answer: bool = False,
    ) -> Fault:
        """Let requests of a method, whose target matches a regular expression, fail.

        The next ``times`` of them do, after ``skip`` that do not. What happens:

        - ``status`` (with ``headers``, ``body``): this answer and nothing done. ``early`` gives it
          before the request's body was read, and closes.
        - ``after_bytes``: the connection is reset after so many bytes of body, of the request
          where it has one, else of the answer (a reset may swallow the last of them on their
          way). What arrived of a chunk is kept or lost as the dialect says.
        - ``truncate``: the answer's body ends, politely, after so many bytes.
        - ``corrupt``: a byte of the answer's body is another one.
        - ``delay``: seconds before anything is done.
        - ``trickle``: the answer's body comes in pieces of a kilobyte, so many seconds apart.
        - ``lose_upload``: the upload session is forgotten first.
        - ``lose_answer``: everything is done, and the connection reset before the answer.

        The fault's ``hits`` counts how often it struck.
        """
        fault = Fault(
            method,
            path,
            times=times,
            skip=skip,
            status=status,
            headers=dict(headers or {}),
            body=body,
            early=early,
            after_bytes=after_bytes,
            truncate=truncate,
            corrupt=corrupt,
            delay=delay,
            trickle=trickle,
            lose_upload=lose_upload,
            lose_answer=lose_answer,
        )
        return self._add(fault)

    def before(
        self, method: str, path: str, action: Callable[[], object], *, times: int = 1, skip: int = 0
    ) -> Fault:
        """Do something just before such requests are handled: somebody else's push, say."""
        return self._add(Fault(method, path, times=times, skip=skip, action=action))

    def heal(self) -> None:
        """Forget every fault that is still to come."""
        with self.lock:
            self._faults.clear()

    def strike(self, request: Request) -> Fault | None:
        """The fault of this request; actions are carried out here."""
        chosen = None
        with self.lock:
            for fault in self._faults:
                if (chosen is None or fault.action) and fault.matches(request):
                    if fault.action:
                        fault.action()
                    else:
                        chosen = fault
        if chosen is not None and chosen.delay:
            time.sleep(chosen.delay)
        return chosen

    def _add(self, fault: Fault) -> Fault:
        with self.lock:
            self._faults.append(fault)
        return fault


class RegistryHandler(Handler):
    """One connection to a :class:`Double`; every method answers one kind of request."""

    fault: Fault | None

    @property
    def double(self) -> Double:
        """The registry this connection belongs to."""
        return cast("Double", self.part)

    @property
    def dialect(self) -> Dialect:
        """How it speaks now."""
        return self.double.dialect

    def answer(self) -> None:
        """Break what is to break; then check rights; then answer."""
        request = self.request_log
        self.fault = self.double.strike(request)
        if self.fault is not None and self._broke(self.fault):
            return
        for pattern, route in _ROUTES:
            match = pattern.fullmatch(request.path)
            if match is not None:
                if self._allowed(match.groupdict()):
                    route(self, **match.groupdict())
                return
        self.error(404, "NOT_FOUND")

    def error(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        """An error as the specification writes it."""
        body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
        self.reply(status, body, {"Content-Type": "application/json", **(headers or {})})

    def send_head(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Everything is done now: the moment to lose the answer."""
        if self.fault is not None and self.fault.lose_answer:
            self.request_log.status = status
            self.hang_up()
        super().send_head(status, headers)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """The answer's body, as far as the fault lets it."""
        fault = self.fault
        if fault is None:
            super().send(data)
            return
        if fault.corrupt and data:
            data = bytearray(data)
            data[len(data) // 2] ^= 0x20
        if fault.trickle:
            for start in range(0, len(data), 1024):
                time.sleep(fault.trickle)
                super().send(memoryview(data)[start : start + 1024])
        elif fault.truncate is not None:
            super().send(memoryview(data)[: fault.truncate])
            self.close_connection = True
        elif fault.after_bytes is not None and not self._has_body:
            super().send(memoryview(data)[: fault.after_bytes])
            self.hang_up()
        else:
            super().send(data)

    @property
    def _has_body(self) -> bool:
        headers = self.request_log.headers
        return int(headers.get("content-length") or 0) > 0 or "transfer-encoding" in headers

    def _broke(self, fault: Fault) -> bool:
        if fault.lose_upload:
            self.double.forget_uploads()
        if fault.status is None:
            return False
        headers = {"Content-Type": "application/json", **fault.headers}
        body = b'{"errors":[{"code":"TESTS","message":"on purpose"}]}'
        self.reply(
            fault.status, body if fault.body is None else fault.body, headers, early=fault.early
        )
        return True

    # --- rights -------------------------------------------------------------------------------

    def _allowed(self, route: Mapping[str, str | None]) -> bool:
        name = route.get("name") or ""
        action = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(self.command, "push")
        if "session" in route:
            action = "push"
        allowed = self._may(name, action)
        if not allowed:
            challenge = self._challenge(name, action)
            self.error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        return allowed

    def _may(self, name: str, action: str) -> bool:
        """Whether the credentials of this request allow something in a repository."""
        double = self.double
        if not double.users and double.tokens is None:
            return True
        scheme, _, value = self.request_log.headers.get("authorization", "").partition(" ")
        if double.tokens is not None:
            return scheme.lower() == "bearer" and double.tokens.accepts(value, name, action)
        if scheme.lower() != "basic":
            return False
        user, _, password = base64.b64decode(value).decode().partition(":")
        return double.users.get(user) == password

    def _challenge(self, name: str, action: str) -> str:
        tokens = self.double.tokens
        if tokens is None:
            return 'Basic realm="double"'
        realm = self.double.realm or tokens.realm
        actions = {"pull": "pull", "delete": "delete"}.get(action, "pull,push")
        scope = f',scope="repository:{name}:{actions}"' if name else ""
        return f'Bearer realm="{realm}",service="{tokens.service}"{scope}'

    # --- the base, and lists ------------------------------------------------------------------

    def base(self) -> None:
        """GET /v2/."""
        headers = {"Docker-Distribution-API-Version": "registry/2.0"}
        self.reply(200, b"{}", {"Content-Type": "application/json", **headers})

    def catalog(self) -> None:
        """GET /v2/_catalog."""
        if not self.dialect.catalog:
            self.error(404, "UNSUPPORTED")
            return
        names = sorted(name for name, held in self.double.repositories.items() if held.manifests)
        names, link = self._page(names, "/v2/_catalog")
        self._json({"repositories": names}, link)

    def tags(self, name: str) -> None:
        """GET tags/list."""
        repository = self.double.repositories.get(name)
        if repository is None:
            self.error(404, "NAME_UNKNOWN")
            return
        names = sorted(repository.tags)
        link: dict[str, str] = {}
        if self.dialect.tags_sorted:
            names, link = self._page(names, f"/v2/{name}/tags/list")
        else:
            names.reverse()
        self._json({"name": name, "tags": names}, link)

    def _page(self, names: list[str], path: str) -> tuple[list[str], dict[str, str]]:
        query = self.request_log.query
        names = [name for name in names if name > query.get("last", "")]
        wanted = int(query.get("n", len(names)))
        limit = self.dialect.tags_page
        size = wanted if limit is None else min(wanted, limit)
        page = names[:size]
        if not page or len(page) == len(names):
            return page, {}
        return page, {"Link": f'<{path}?n={size}&last={quote(page[-1])}>; rel="next"'}

    def _json(self, value: object, headers: Mapping[str, str], kind: str = "") -> None:
        body = json.dumps(value).encode()
        self.reply(200, body, {"Content-Type": kind or "application/json", **headers})

    # --- manifests ----------------------------------------------------------------------------

    def manifest(self, name: str, reference: str) -> None:
        """Everything at manifests/<reference>."""
        method = {
            "GET": self._get_manifest,
            "HEAD": self._get_manifest,
            "PUT": self._put_manifest,
            "DELETE": self._delete_manifest,
        }.get(self.command)
        if method is None:
            self.error(405, "UNSUPPORTED")
            return
        method(name, reference)

    def _get_manifest(self, name: str, reference: str) -> None:
        repository = self.double.repositories.get(name, Repository())
        digest = repository.tags.get(reference, reference)
        stored = repository.manifests.get(digest) or self._trap(repository, reference)
        if stored is None or not self._accepts(stored.media_type):
            self.error(404, "MANIFEST_UNKNOWN")
            return
        headers = {"Content-Type": stored.media_type}
        headers["Docker-Content-Digest"] = digest_of(stored.raw)
        self.reply(200, stored.raw, headers)

    def _trap(self, repository: Repository, reference: str) -> Stored | None:
        if not self.dialect.fallback_trap:
            return None
        return repository.manifests.get(reference.replace("sha256-", "sha256:", 1))

    def _accepts(self, media_type: str) -> bool:
        accept = self.headers.get_all("Accept") or []
        kinds = [kind.split(";")[0].strip() for line in accept for kind in line.split(",")]
        return media_type in kinds or "*/*" in kinds

    def _put_manifest(self, name: str, reference: str) -> None:
        raw = self.read_body()
        if self.broken or (self.fault is not None and self.fault.after_bytes is not None):
            self.hang_up()
        media_type = self.request_log.headers.get("content-type", "")
        repository = self.double.repository(name)
        with self.double.lock:
            refusal = self._refusal(repository, reference, media_type, raw)
            if refusal is None:
                digest = digest_of(raw, like=reference)
                repository.manifests[digest] = Stored(media_type, raw)
                if not _DIGEST.fullmatch(reference):
                    repository.tags[reference] = digest
        if refusal is not None:
            self.error(*refusal)
            return
        headers = {"Location": self._location(f"/v2/{name}/manifests/{digest}")}
        headers["Docker-Content-Digest"] = digest
        subject = json.loads(raw).get("subject")
        if subject and self.dialect.referrers:
            headers["OCI-Subject"] = subject["digest"]
        self.reply(201, b"", headers)

    def _refusal(
        self, repository: Repository, reference: str, media_type: str, raw: bytes
    ) -> tuple[int, str] | None:
        """Why a manifest is not taken; the first reason that holds."""
        if len(raw) > self.dialect.manifest_limit:
            return 413, "SIZE_INVALID"
        manifest = _object(raw)
        if manifest is None or manifest.get("mediaType", media_type) != media_type:
            return 400, "MANIFEST_INVALID"
        subject_refused = self.dialect.subject_status if manifest.get("subject") else None
        by_digest, right_tag = ":" in reference, _TAG.fullmatch(reference)
        moved = repository.tags.get(reference) not in (None, digest_of(raw))
        reasons = (
            (subject_refused or 0, "UNSUPPORTED", bool(subject_refused)),
            (400, "DIGEST_INVALID", by_digest and digest_of(raw, like=reference) != reference),
            (400, "TAG_INVALID", not by_digest and not right_tag),
            (
                self.dialect.missing_child_status,
                "MANIFEST_BLOB_UNKNOWN",
                not _children_are_here(manifest, repository),
            ),
            (
                self.dialect.immutable_tags or 0,
                "DENIED",
                bool(self.dialect.immutable_tags and moved),
            ),
        )
        return next(((status, code) for status, code, holds in reasons if holds), None)

    def _delete_manifest(self, name: str, reference: str) -> None:
        repository = self.double.repository(name)
        by_tag = ":" not in reference
        refused = self.dialect.delete_tags if by_tag else self.dialect.delete_manifests
        if refused:
            # distribution 2.x takes the tag for a digest that is none.
            self.error(refused, "DIGEST_INVALID" if refused == 400 else "UNSUPPORTED")
            return
        with self.double.lock:
            held: dict[str, Any] = repository.tags if by_tag else repository.manifests
            gone = held.pop(reference, None)
            if not by_tag:
                tags = repository.tags.items()
                repository.tags = {tag: digest for tag, digest in tags if digest != reference}
        if gone is None:
            self.error(404, "MANIFEST_UNKNOWN")
        else:
            self.reply(202)

    # --- referrers ----------------------------------------------------------------------------

    def referrers(self, name: str, digest: str) -> None:
        """GET referrers/<digest>."""
        if not self.dialect.referrers:
            self.reply(404, b"404 page not found\n", {"Content-Type": "text/plain"})
            return
        if not _DIGEST.fullmatch(digest):
            self.error(400, "DIGEST_INVALID")
            return
        found = self._referrers_of(self.double.repository(name), digest)
        query = self.request_log.query
        headers: dict[str, str] = {}
        wanted = query.get("artifactType")
        if wanted is not None and self.dialect.referrers_filter:
            found = [entry for entry in found if entry.get("artifactType") == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        start = int(query.get("start", 0))
        end = start + (self.dialect.referrers_page or len(found) or 1)
        if end < len(found):
            kept = f"&artifactType={quote(wanted, safe='')}" if wanted is not None else ""
            path = f"/v2/{name}/referrers/{digest}?start={end}{kept}"
            headers["Link"] = f'<{path}>; rel="next"'
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found[start:end]}
        self._json(index, headers, INDEX)

    def _referrers_of(self, repository: Repository, digest: str) -> list[dict[str, Any]]:
        found = []
        for own, stored in tuple(repository.manifests.items()):
            manifest = json.loads(stored.raw)
            if (manifest.get("subject") or {}).get("digest") != digest:
                continue
            entry = {"mediaType": stored.media_type, "digest": own, "size": len(stored.raw)}
            kind = manifest.get("artifactType") or manifest.get("config", {}).get("mediaType")
            entry |= {"artifactType": kind} if kind else {}
            notes = manifest.get("annotations")
            found.append(entry | ({"annotations": notes} if notes else {}))
        return found

    # --- blobs --------------------------------------------------------------------------------

    def blob(self, name: str, digest: str) -> None:
        """Everything at blobs/<digest>."""
        repository = self.double.repositories.get(name, Repository())
        raw = repository.blobs.get(digest)
        if raw is None:
            self.error(404, "BLOB_UNKNOWN")
        elif self.command == "DELETE":
            repository.blobs.pop(digest, None)
            self.reply(202)
        elif self.command == "GET" and self.double.redirect_blobs:
            signed = f"{self.double.redirect_blobs}/signed/{name}/{digest}?signature=s3cret"
            self.reply(307, b"", {"Location": signed})
        elif self.command in ("GET", "HEAD"):
            self.send_blob(digest, raw)
        else:
            self.error(405, "UNSUPPORTED")

    def send_blob(self, digest: str, raw: bytes) -> None:
        """A blob, or the range of it that was asked for."""
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        if not self.dialect.ranges:
            self.reply(200, raw, headers)
            return
        headers["Accept-Ranges"] = "bytes"
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.request_log.headers.get("range", ""))
        if match is None:
            self.reply(200, raw, headers)
            return
        start, end = int(match[1]), min(int(match[2] or len(raw)), len(raw) - 1)
        if start > end:
            self.error(416, "RANGE_INVALID", {"Content-Range": f"bytes */{len(raw)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end}/{len(raw)}"
        self.reply(206, raw[start : end + 1], headers)

    # --- uploads ------------------------------------------------------------------------------

    def start_upload(self, name: str) -> None:
        """POST blobs/uploads/: a mount, a whole blob, or a new session."""
        if self.command != "POST":
            self.error(405, "UNSUPPORTED")
            return
        query = self.request_log.query
        if "mount" in query and self._mount(name, query["mount"], query.get("from")):
            self._created(name, query["mount"])
        elif "digest" in query and self.dialect.single_post:
            self._finish(name, Session(""), query["digest"])
        else:
            session = Session(secrets.token_hex(8))
            self.drain()
            self.double.repository(name).uploads[session.id] = session
            self._reply_session(202, name, session)

    def _mount(self, name: str, digest: str, source: str | None) -> bool:
        if not self.dialect.mount or source is None or not self._may(source, "pull"):
            return False
        raw = self.double.repositories.get(source, Repository()).blobs.get(digest)
        if raw is not None:
            self.double.repository(name).blobs[digest] = raw
        return raw is not None

    def upload(self, name: str, session: str) -> None:
        """Everything at an upload's location."""
        found = self.double.repository(name).uploads.get(session)
        method = {
            "GET": self._status,
            "PATCH": self._patch,
            "PUT": self._close,
            "DELETE": self._cancel,
        }.get(self.command)
        if found is None:
            self.error(404, "BLOB_UPLOAD_UNKNOWN")
        elif method is None:
            self.error(405, "UNSUPPORTED")
        elif self.command in ("PATCH", "PUT") and not self._is_latest(found):
            # The location of an older answer, or one whose query got lost.
            self.error(400, "BLOB_UPLOAD_INVALID")
        else:
            method(name, found)

    def _is_latest(self, session: Session) -> bool:
        return self.request_log.query.get("state") == str(session.state)

    def _status(self, name: str, session: Session) -> None:
        self._reply_session(204, name, session)

    def _cancel(self, name: str, session: Session) -> None:
        self.double.repository(name).uploads.pop(session.id, None)
        self.reply(204)

    def _patch(self, name: str, session: Session) -> None:
        dialect = self.dialect
        length = int(self.request_log.headers.get("content-length") or 0)
        if dialect.patch_refused:
            self.error(dialect.patch_refused, "UNSUPPORTED")
        elif dialect.patch_limit is not None and length > dialect.patch_limit:
            self.error(dialect.patch_limit_status, "SIZE_INVALID")
        elif session.short or not self._in_order(session):
            self._reply_session(416, name, session)
        elif self._receive_into(name, session):
            session.patches += 1
            session.short = bool(dialect.minimum_chunk) and length < dialect.minimum_chunk
            status = dialect.first_patch_status if session.patches == 1 else 202
            self._reply_session(status, name, session)

    def _close(self, name: str, session: Session) -> None:
        """PUT ?digest=, with or without a last chunk."""
        length = int(self.request_log.headers.get("content-length") or 0)
        if self.dialect.put_limit is not None and length > self.dialect.put_limit:
            self.error(413, "SIZE_INVALID")
        elif not self._in_order(session):
            self._reply_session(416, name, session)
        else:
            self._finish(name, session, self.request_log.query.get("digest", ""))

    def _in_order(self, session: Session) -> bool:
        header = self.request_log.headers.get("content-range")
        if header is None or not self.dialect.ordered:
            return True
        match = re.fullmatch(r"(\d+)-(\d+)", header)
        if match is None:
            return False
        length = int(self.request_log.headers.get("content-length") or 0)
        start, end = int(match[1]), int(match[2])
        return start == len(session.data) and end - start + 1 == length

    def _receive_into(self, name: str, session: Session) -> bool:
        """Take the body; a broken one hangs up, keeping what arrived where the dialect does."""
        limit = None if self.fault is None else self.fault.after_bytes
        for piece in self.body():
            if limit is not None and len(piece) >= limit - self._taken(piece):
                session.data += piece[: max(0, limit - self._taken(piece))]
                self._break_off(name, session)
            session.data += piece
        if self.broken or limit is not None:
            self._break_off(name, session)
        return True

    def _taken(self, piece: memoryview) -> int:
        """How much of the body came before this piece."""
        return self.request_log.received - len(piece)

    def _break_off(self, name: str, session: Session) -> None:
        if not self.dialect.resumable:
            self.double.repository(name).uploads.pop(session.id, None)
        self.hang_up()

    def _finish(self, name: str, session: Session, digest: str) -> None:
        if not _DIGEST.fullmatch(digest):
            self.error(400, "DIGEST_INVALID")
            return
        self._receive_into(name, session)
        raw = bytes(session.data)
        repository = self.double.repository(name)
        repository.uploads.pop(session.id, None)
        if digest_of(raw, like=digest) != digest:
            self.error(400, "DIGEST_INVALID")
            return
        repository.blobs[digest] = raw
        self._created(name, digest)

    def _created(self, name: str, digest: str) -> None:
        location = self._location(f"/v2/{name}/blobs/{digest}")
        self.reply(201, b"", {"Location": location, "Docker-Content-Digest": digest})

    def _reply_session(self, status: int, name: str, session: Session) -> None:
        session.state += 1
        path = f"/v2/{name}/blobs/uploads/{session.id}?state={session.state}"
        origin = self.double.upload_origin
        headers = {"Location": origin + path if origin else self._location(path)}
        headers["Range"] = f"0-{max(0, len(session.data) - 1)}"
        headers["Docker-Upload-UUID"] = session.id
        if self.dialect.minimum_chunk:
            headers["OCI-Chunk-Min-Length"] = str(self.dialect.minimum_chunk)
        self.reply(status, b"", headers)

    def _location(self, path: str) -> str:
        return path if self.dialect.relative else self.double.origin + path


Double.handler = RegistryHandler

_Route = Callable[..., None]
_ROUTES: tuple[tuple[re.Pattern[str], _Route], ...] = tuple(
    (re.compile(pattern), route)
    for pattern, route in (
        (r"/v2/?", RegistryHandler.base),
        (r"/v2/_catalog", RegistryHandler.catalog),
        (rf"/v2/{_NAME}/tags/list", RegistryHandler.tags),
        (rf"/v2/{_NAME}/manifests/(?P<reference>[^/]+)", RegistryHandler.manifest),
        (rf"/v2/{_NAME}/referrers/(?P<digest>[^/]+)", RegistryHandler.referrers),
        (rf"/v2/{_NAME}/blobs/uploads/?", RegistryHandler.start_upload),
        (rf"/v2/{_NAME}/blobs/uploads/(?P<session>[^/]+)", RegistryHandler.upload),
        (rf"/v2/{_NAME}/blobs/(?P<digest>[^/]+)", RegistryHandler.blob),
    )
)


class BucketHandler(RegistryHandler):
    """One connection to a :class:`Bucket`."""

    @property
    def double(self) -> Double:
        """The registry whose blobs these are."""
        return cast("Bucket", self.part).registry

    def answer(self) -> None:
        """Serve a signed blob, or take an upload."""
        request = self.request_log
        self.fault = self.double.strike(request)
        if self.fault is not None and self._broke(self.fault):
            return
        if "authorization" in request.headers:
            # As S3 does: a signed URL and a credential are one too many.
            self.reply(400, b"Only one auth mechanism allowed")
            return
        signed = re.fullmatch(rf"/signed/{_NAME}/(?P<digest>[^/]+)", request.path)
        upload = re.fullmatch(rf"/v2/{_NAME}/blobs/uploads/(?P<session>[^/]+)", request.path)
        if signed is not None and request.query.get("signature") == "s3cret":
            raw = self.double.repository(signed["name"]).blobs[signed["digest"]]
            self.send_blob(signed["digest"], raw)
        elif upload is not None:
            self.upload(upload["name"], upload["session"])
        else:
            self.reply(403)


class Bucket(Server):
    """Another origin for a double's blobs and uploads, as cloud registries have.

    Set ``double.redirect_blobs`` or ``double.upload_origin`` to its ``origin``. ``requests`` shows
    which headers came; a request with credentials is refused. Faults are the double's.
    """

    handler = BucketHandler

    def __init__(self, registry: Double, *, authority: Authority | None = None) -> None:
        super().__init__(authority=authority)
        self.registry = registry


def digest_of(raw: bytes, *, like: str = "sha256:") -> str:
    """The digest of some bytes, by the algorithm of another digest (or of a tag: sha256)."""
    algorithm = "sha512" if like.startswith("sha512:") else "sha256"
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) and value.get("schemaVersion") == 2 else None


def _children_are_here(manifest: Mapping[str, Any], repository: Repository) -> bool:
    blobs = [manifest.get("config"), *manifest.get("layers", ())]
    if any(blob and blob["digest"] not in repository.blobs for blob in blobs):
        return False
    return all(entry["digest"] in repository.manifests for entry in manifest.get("manifests", ()))

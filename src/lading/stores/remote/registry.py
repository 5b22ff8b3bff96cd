"""A repository on a registry, as a store: the distribution API by the book, around its traps."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from lading.errors import (
    IntegrityError,
    InvalidInput,
    LadingError,
    NotFound,
    Unsupported,
)
from lading.ports import Content, Keyed, Reader, Source
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import MANIFEST_LIMIT, Manifest, parse
from lading.stores.remote import referrers
from lading.stores.remote.authorization import Authorization
from lading.stores.remote.blobs import Blobs
from lading.stores.remote.client import Client
from lading.stores.remote.connection import Body, Response
from lading.stores.remote.dialect import DialectMemory
from lading.stores.remote.grant import Scope
from lading.stores.remote.journal import UploadJournal
from lading.stores.remote.keeping import KeepTags
from lading.stores.remote.listing import answered, pages
from lading.stores.remote.manifests import ManifestMemory, described, whole
from lading.stores.remote.origin import is_docker_hub, origin_of
from lading.stores.remote.retry import backoff
from lading.stores.remote.upload import Uploader

if TYPE_CHECKING:
    from lading.settings import Settings

_log = logging.getLogger(__name__)

_ACCEPT = ", ".join(
    (
        mediatypes.IMAGE_INDEX,
        mediatypes.IMAGE_MANIFEST,
        mediatypes.DOCKER_MANIFEST_LIST,
        mediatypes.DOCKER_MANIFEST,
    )
)
_EMPTY = b"{}"
_EMPTY_DESCRIPTOR = Descriptor.of(_EMPTY, mediatypes.EMPTY)
_PAGE = 1000
_PUT_TRIES = 3
_WITHOUT_REFERRERS_SECONDS = 3600.0


class RemoteStore:
    """One repository on one registry; safe to use from many threads."""

    def __init__(
        self, host: str, repository: str, settings: Settings, *, client: Client | None = None
    ) -> None:
        """A repository; a client of the same host may be shared with others there."""
        self.host = host
        self.repository = _docker_hub_name(host, repository)
        self.origin = origin_of(host, settings)
        self.client = client or Client(
            self.origin, Authorization.of(self.origin, settings), settings
        )
        self._settings = settings
        self.base = f"{self.origin}/v2/{self.repository}"
        self._read = (Scope(self.repository, frozenset({"pull"})),)
        self.write_scopes = (Scope(self.repository, frozenset({"pull", "push"})),)
        self._delete = (Scope(self.repository, frozenset({"pull", "push", "delete"})),)
        self._dialect = DialectMemory(settings.cache / "registries", self.origin)
        self._uploader = Uploader(
            self.client,
            f"{self.base}/blobs/uploads/",
            self.write_scopes,
            dialect=self._dialect,
            journal=UploadJournal(settings.cache / "uploads", self.base),
            name=f"{host}/{repository}",
        )
        self._blobs = Blobs(self.client, str(self), self.base, self._read, settings.retries)
        self._manifests = ManifestMemory()
        self._keeping = KeepTags(
            settings.keep_tags,
            self._dialect,
            is_distribution_2=self._is_distribution_2,
            put=self.put_manifest,
        )

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"

    def close(self) -> None:
        """Close what is idle."""
        self.client.close()

    # Source

    def resolve(self, name: str) -> Descriptor:
        """What a tag or a manifest's digest names; the manifest is fetched with it."""
        return self.read_manifest(name)[0]

    @contextlib.contextmanager
    def fetch(self, descriptor: Descriptor, offset: int = 0) -> Iterator[Reader]:
        """The bytes of a manifest or a blob; a broken connection is mended on the way."""
        if descriptor.is_manifest:
            with BytesContent(self._manifest_bytes(descriptor)).open(offset) as stream:
                yield stream
            return
        with self._blobs.stream(descriptor, offset, descriptor.size) as reader:
            yield reader

    @contextlib.contextmanager
    def fetch_range(self, descriptor: Descriptor, offset: int, length: int) -> Iterator[Reader]:
        """Some of the bytes of a manifest or a blob, and of a blob no others are sent.

        Raises:
            Unsupported: this registry knows no ranges, and a great deal comes before.
        """
        if descriptor.is_manifest:
            raw = self._manifest_bytes(descriptor)
            with BytesContent(raw[: offset + length]).open(offset) as stream:
                yield stream
            return
        end = min(descriptor.size, offset + length)
        with self._blobs.stream(descriptor, offset, end) as reader:
            yield reader

    def read_blob(self, digest: Digest, limit: int) -> bytes:
        """A small blob of which only the digest is known, whole and verified.

        Raises:
            NotFound: it is not here.
            InvalidInput: it is larger than the limit.
            IntegrityError: it is not what its digest says.
            Unavailable: it broke off again and again.
        """
        return self._blobs.whole(digest, limit)

    # Target

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether the registry has this content, with the size that the descriptor says."""
        kind = "manifests" if descriptor.is_manifest else "blobs"
        response = self.client.call(
            "HEAD",
            f"{self.base}/{kind}/{descriptor.digest}",
            self._read,
            headers={"Accept": _ACCEPT} if descriptor.is_manifest else None,
            accept=(200, 404),
            doing=f"look for {descriptor.digest.short} in {self}",
        )
        found = response.status == 200
        length = response.headers.get("Content-Length")
        response.drop()
        if found and not descriptor.is_manifest and length and length != str(descriptor.size):
            raise IntegrityError(
                f"{self} holds {descriptor.digest} with another size",
                cause=f"{length} bytes instead of {descriptor.size}",
            )
        return found

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Store content; the registry checks the digest before anybody can see it."""
        if not descriptor.is_manifest:
            _demand_size(descriptor, content)
            self._uploader.push(descriptor, content)
            return
        raw = whole(descriptor, content)
        self.put_manifest(name or self._keeping.name_of(descriptor), descriptor, raw)
        if name is None:
            self._keeping.remember(descriptor, raw)
        # A referrer need not be followed by anything with a name; its list is one by now.
        if name is not None or parse(raw, descriptor.media_type).subject:
            self._keeping.settle()

    def absorb(self, content: Content, media_type: str) -> Descriptor:
        """Store a blob and hash it while it travels."""
        key = content.key if isinstance(content, Keyed) else None
        digest = self._uploader.absorb(content, key or None)
        return Descriptor(media_type, digest, content.size)

    def mount(self, descriptor: Descriptor, source: Source) -> bool:
        """Take a blob from another repository of this registry."""
        if not isinstance(source, RemoteStore) or source.origin != self.origin:
            return False
        return self._uploader.mount(descriptor, source.repository)

    # Names

    def names(self) -> Iterator[str]:
        """Every tag, each once."""
        seen: set[str] = set()
        url = f"{self.base}/tags/list?n={_PAGE}"
        for page in pages(self.client, url, self._read, doing=f"list tags of {self}"):
            tags = page.get("tags")
            for tag in tags if isinstance(tags, list) else ():
                if isinstance(tag, str) and tag not in seen:
                    seen.add(tag)
                    yield tag

    def untag(self, name: str) -> None:
        """Forget a tag and nothing else."""
        response = self.client.call(
            "DELETE",
            f"{self.base}/manifests/{name}",
            self._delete,
            accept=(200, 202, 204, 400, 404, 405),
            doing=f"remove {self}:{name}",
        )
        status = response.status
        response.drop()
        self._manifests.forget(name)
        if status == 404:
            raise NotFound(f"there is no {self}:{name}", hint=f"lading list {self}")
        if status in (400, 405):
            self._untag_by_tombstone(name)

    def delete_manifest(self, digest: Digest) -> None:
        """Delete a manifest and every tag that names it.

        Raises:
            Unsupported: the registry's operator has not allowed deleting.
        """
        self.client.call(
            "DELETE",
            f"{self.base}/manifests/{digest}",
            self._delete,
            accept=(200, 202, 204, 404),
            doing=f"remove {self}@{digest}",
        ).drop()
        self._manifests.forget(digest)

    # Referrers

    def referrers(
        self, subject: Descriptor, artifact_type: str | None = None
    ) -> Iterable[Descriptor]:
        """The manifests whose subject this is, by the API or by the fallback tag."""
        found = self._from_api(subject)
        if found is None:
            listed = self._from_fallback(subject)
            found = list(referrers.looked_at(self, subject, listed))
        return [entry for entry in found if artifact_type in (None, entry.artifact_type)]

    def listed_referrers(self, subject: Descriptor) -> Iterable[Descriptor]:
        """What the API or the fallback tag lists as referring to this: not yet looked at."""
        found = self._from_api(subject)
        return self._from_fallback(subject) if found is None else found

    def _from_fallback(self, subject: Descriptor) -> Iterable[Descriptor]:
        index = referrers.fallback_index(self, subject)
        return index.manifests if index else ()

    def _from_api(self, subject: Descriptor) -> list[Descriptor] | None:
        """What the API lists; None where there is no API."""
        missing_since = self._dialect.known.without_referrers or 0.0
        if 0.0 <= time.time() - missing_since < _WITHOUT_REFERRERS_SECONDS:
            return None
        found = self._ask_api(subject)
        self._dialect.learn(without_referrers=time.time() if found is None else None)
        return found

    def _ask_api(self, subject: Descriptor) -> list[Descriptor] | None:
        url = f"{self.base}/referrers/{subject.digest}"
        return referrers.from_api(self.client, url, self._read, doing=f"list referrers in {self}")

    # Manifests

    def read_manifest(self, name: str) -> tuple[Descriptor, bytes]:
        """A manifest by tag or digest: what it is, and its exact bytes.

        Raises:
            NotFound: nothing has that name.
            IntegrityError: the bytes are not what the digest says.
        """
        known = self._manifests.find(name)
        if known:
            return known
        response = self.client.call(
            "GET",
            f"{self.base}/manifests/{name}",
            self._read,
            headers={"Accept": _ACCEPT},
            accept=(200, 404),
            doing=f"read {_display(self, name)}",
        )
        if response.status == 404:
            response.drop()
            raise NotFound(
                f"there is no {_display(self, name)}",
                cause=f"{self.host} does not know it",
                hint=f"lading list {self.host}/{self.repository}",
            )
        raw = response.read(MANIFEST_LIMIT + 1)
        if len(raw) > MANIFEST_LIMIT:
            raise InvalidInput(f"the manifest of {_display(self, name)} is larger than 4 MiB")
        descriptor = described(raw, response, name, _display(self, name))
        self._manifests.keep(descriptor, raw)
        return descriptor, raw

    def put_manifest(self, name: str, descriptor: Descriptor, raw: bytes) -> None:
        """Store a manifest under a tag or its digest, exactly these bytes."""
        manifest = parse(raw, descriptor.media_type)
        response = self._put(name, descriptor, raw)
        stated = response.headers.get("Docker-Content-Digest")
        if stated and stated != descriptor.digest and stated.startswith("sha256:"):
            raise IntegrityError(
                f"{self.host} changed the manifest of {_display(self, name)}",
                cause=f"stored as {stated} instead of {descriptor.digest}",
            )
        self._manifests.forget(name)
        if manifest.subject:
            self._list_referrer(
                name,
                manifest.subject,
                referrers.described(descriptor, manifest),
                raw,
                api=bool(response.headers.get("OCI-Subject")),
            )

    def put_once(self, name: str, descriptor: Descriptor, raw: bytes) -> None:
        """Store a manifest that may be out of date in a moment: now, or not at all.

        Raises:
            Unavailable, NotFound, BrokenConnection: it may be there or not.
        """
        self._send_manifest(name, descriptor, raw, repeat=False).drop()
        self._manifests.forget(name)

    def _list_referrer(
        self, name: str, subject: Descriptor, referrer: Descriptor, raw: bytes, *, api: bool
    ) -> None:
        """See to it that a manifest that was just put is found by its subject."""
        listed = api and referrers.demand_listed(
            lambda: self._ask_api(subject), lambda: self._put(name, referrer, raw), referrer
        )
        if listed:
            self._dialect.learn(without_referrers=None)
        else:
            referrers.add_to_fallback(self, subject, referrer)

    def _put(self, name: str, descriptor: Descriptor, raw: bytes) -> Response:
        for failures in range(_PUT_TRIES):
            try:
                response = self._send_manifest(name, descriptor, raw)
            except NotFound:
                # Distribution 2.x writes its files in place: while somebody else pushes the same
                # content, what is there already is unknown for a moment.
                if failures + 1 == _PUT_TRIES:
                    raise
                time.sleep(backoff(failures))
            else:
                response.drop()
                return response
        raise AssertionError("the last try returns or raises")

    def _send_manifest(
        self, name: str, descriptor: Descriptor, raw: bytes, *, repeat: bool = True
    ) -> Response:
        return self.client.call(
            "PUT",
            f"{self.base}/manifests/{name}",
            self.write_scopes,
            headers={"Content-Type": descriptor.media_type},
            body=lambda: Body.of(raw),
            accept=(200, 201, 202),
            doing=f"push {_display(self, name)}",
            repeat=repeat,
        )

    # Keep tags

    def keep(self, children: Iterable[tuple[Descriptor, bytes]], names: Collection[str]) -> None:
        """Put children under keep tags where this registry needs that and they are missing."""
        self._keeping.keep(children, names)

    def needs_keep_tags(self) -> bool:
        """Whether children must be tagged here; asks the registry where that is not known."""
        return self._keeping.needed()

    def _is_distribution_2(self) -> bool:
        """Distribution 2.x ignores ``n`` and answers ``n=0`` with tags; others give none."""
        doing = f"list tags of {self}"
        response = self.client.call(
            "GET", f"{self.base}/tags/list?n=0", self._read, accept=(200, 400, 404), doing=doing
        )
        raw = response.read()
        if response.status != 200:
            return False
        return bool(answered(raw, self.client.origin, doing).get("tags"))

    # Inner steps

    def _manifest_bytes(self, descriptor: Descriptor) -> bytes:
        return self.read_manifest(descriptor.digest)[1]

    def _untag_by_tombstone(self, name: str) -> None:
        """Where only digests can be deleted: put something unique under the tag, delete that."""
        self.read_manifest(name)
        self.push(_EMPTY_DESCRIPTOR, BytesContent(_EMPTY))
        tombstone = Manifest.build(
            _EMPTY_DESCRIPTOR,
            (_EMPTY_DESCRIPTOR,),
            artifact_type="application/vnd.lading.tombstone.v1+json",
            annotations={"dev.lading.nonce": secrets.token_hex(16)},
        )
        self.put_manifest(name, tombstone.descriptor, tombstone.raw)
        try:
            self.delete_manifest(tombstone.descriptor.digest)
        except LadingError as error:
            raise Unsupported(
                f"cannot remove {self}:{name}",
                cause=f"the registry deletes neither tags nor manifests ({error})",
                hint="its operator can allow deleting (REGISTRY_STORAGE_DELETE_ENABLED)",
            ) from error


def _docker_hub_name(host: str, repository: str) -> str:
    alone = is_docker_hub(host) and "/" not in repository
    return f"library/{repository}" if alone else repository


def _display(store: RemoteStore, name: str) -> str:
    return f"{store.host}/{store.repository}{'@' if ':' in name else ':'}{name}"


def _demand_size(descriptor: Descriptor, content: Content) -> None:
    if content.size != descriptor.size:
        raise IntegrityError(
            f"content is not {descriptor.digest}",
            cause=f"{content.size} bytes instead of {descriptor.size}",
        )

"""Find out what a registry can do, by doing it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lading.errors import AccessDenied, InvalidInput, LadingError, Unavailable
from lading.operations import stores
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.stores.remote.probe import Probe
    from lading.stores.remote.registry import RemoteStore

Status = Literal["works", "missing", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    name: str
    status: Status
    detail: str
    meaning: str


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """What works on a registry, and what that means."""

    host: str
    repository: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


def doctor(reference: str | Reference, *, settings: Settings | None = None) -> DoctorResult:
    """Try everything Lading needs in a scratch repository of that name.

    The tags made there are removed again; the blobs stay until the registry collects garbage.

    Raises:
        InvalidInput: no registry is named.
        Unavailable: it does not answer at all, or the settings say offline.
    """
    from lading.stores.remote.probe import Probe
    from lading.stores.remote.registry import RemoteStore

    settings = stores.settled(settings)
    place = stores.locate(reference, settings)
    if not place.host:
        raise InvalidInput("doctor needs a registry", hint="lading doctor HOST/SCRATCH-REPOSITORY")
    stores.demand_online(place.host, settings)
    store = RemoteStore(place.host, place.repository, settings)
    sibling = RemoteStore(place.host, f"{place.repository}-mount", settings)
    examination = _Examination(store, sibling, Probe(store))
    examination.run()
    return DoctorResult(
        place.host, place.repository, tuple(examination.checks), tuple(examination.notes)
    )


@dataclass(slots=True)
class _Examination:
    store: RemoteStore
    sibling: RemoteStore
    probe: Probe
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))

    def run(self) -> None:
        """Every check, in an order in which each finds what it needs."""
        if not self._check("read", self._reading, "nothing works without it"):
            return
        meaning = "models cannot be pushed here"
        if self._check("monolithic upload", self._monolithic, meaning):
            self._check(
                "chunked upload",
                self._chunked,
                "every file is read twice on a first push: hashed, then sent",
            )
            self._check(
                "upload resumed",
                self._resumed,
                "a blob that breaks off is sent again from its beginning",
            )
            self._check("ranges", self._ranges, "a broken download begins again")
            self._check("mount", self._mount, "copies between repositories move all bytes")
            if self._check("custom media types", self._media_types, "models cannot be pushed here"):
                self._check(
                    "referrers",
                    self._referrers,
                    "evidence is listed under the specification's fallback tag instead",
                )
                self._check(
                    "tag immutability",
                    self._immutability,
                    "tags can be moved by anybody who may push: stages work, and nothing but"
                    " Lading's own care keeps versions from being replaced",
                )
                self._check("keep tags", self._keep_tags, "children are safe without keep tags")
        self._remove_tags()
        self.notes.append(
            f"the blobs of this examination ({self.store}) await the registry's garbage collection"
        )

    def _check(self, name: str, attempt: Callable[[], str | None], meaning: str) -> bool:
        """Try; a text is what worked, None is what the registry does not have."""
        try:
            detail = attempt()
        except (AccessDenied, Unavailable) as error:
            if name == "read":
                raise
            self.checks.append(Check(name, "failed", str(error), meaning))
            return False
        except LadingError as error:
            self.checks.append(Check(name, "failed", str(error), meaning))
            return False
        status: Status = "missing" if detail is None else "works"
        self.checks.append(Check(name, status, detail or "not offered", "" if detail else meaning))
        return detail is not None

    def _reading(self) -> str:
        count = sum(1 for _ in self.store.names())
        return f"{self.store.origin} answers; {count} tags in {self.store.repository}"

    def _monolithic(self) -> str:
        content = BytesContent(f"monolithic {self.nonce}".encode() * 1000)
        descriptor = Descriptor.of(content.raw, "application/octet-stream")
        self.store.push(descriptor, content)
        return f"{content.size} bytes in one PUT"

    def _chunked(self) -> str | None:
        return "two PATCHes and a PUT" if self.probe.takes_chunks(self.nonce) else None

    def _resumed(self) -> str | None:
        offset = self.probe.resumes(self.nonce)
        return f"goes on at byte {offset}" if offset else None

    def _ranges(self) -> str | None:
        content = BytesContent(f"ranges {self.nonce}".encode() * 1000)
        descriptor = Descriptor.of(content.raw, "application/octet-stream")
        self.store.push(descriptor, content)
        return "206 from the middle on" if self.probe.gives_ranges(descriptor) else None

    def _mount(self) -> str | None:
        content = BytesContent(f"mount {self.nonce}".encode())
        descriptor = Descriptor.of(content.raw, "application/octet-stream")
        self.store.push(descriptor, content)
        return (
            f"into {self.sibling.repository}"
            if self.sibling.mount(descriptor, self.store)
            else None
        )

    def _media_types(self) -> str:
        manifest = self._manifest("types")
        self._push(manifest, f"doctor-{self.nonce}")
        return mediatypes.MODEL

    def _referrers(self) -> str | None:
        subject = self._manifest("subject")
        self._push(subject, f"doctor-subject-{self.nonce}")
        return "the referrers API answers" if self.probe.has_referrers(subject.descriptor) else None

    def _immutability(self) -> str | None:
        tag = f"doctor-moves-{self.nonce}"
        self._push(self._manifest("first"), tag)
        try:
            self._push(self._manifest("second"), tag)
        except LadingError as error:
            return f"a tag cannot be moved here: {error.cause}"
        return None

    def _keep_tags(self) -> str | None:
        if not self.store.needs_keep_tags():
            return None
        return (
            "distribution 2.x: each child of a version is tagged, so that its garbage"
            " collection spares it"
        )

    def _manifest(self, purpose: str) -> Manifest:
        config = BytesContent(f'{{"purpose":"{purpose}","nonce":"{self.nonce}"}}'.encode())
        descriptor = Descriptor.of(config.raw, mediatypes.MODEL_CONFIG)
        self.store.push(descriptor, config)
        return Manifest.build(descriptor, (descriptor,), artifact_type=mediatypes.MODEL)

    def _push(self, manifest: Manifest, tag: str) -> None:
        self.store.push(manifest.descriptor, BytesContent(manifest.raw), tag)
        self.tags.append(tag)

    def _remove_tags(self) -> None:
        for tag in dict.fromkeys(self.tags):
            try:
                self.store.untag(tag)
            except LadingError as error:
                self.checks.append(
                    Check("delete", "failed", str(error), "versions and tags cannot be removed")
                )
                self.notes.append(f"these tags are left: {', '.join(dict.fromkeys(self.tags))}")
                return
        if self.tags:
            self.checks.append(Check("delete", "works", "the tags made here are gone", ""))

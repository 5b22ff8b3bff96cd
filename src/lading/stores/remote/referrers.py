"""Who refers to a manifest, on registries with the referrers API and on those without.

Without it (distribution 2 and 3, GHCR, GitLab) the specification's fallback tag is an index
that every writer updates, and writers race; the API loses entries in races, too. So what was
added is read back here, whichever way it went, and added again: nobody above has to.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from lading.errors import InvalidInput, NotFound, Unavailable
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.tags import fallback_tag
from lading.stores.remote.client import Client
from lading.stores.remote.connection import BrokenConnection
from lading.stores.remote.grant import Scope
from lading.stores.remote.listing import pages

_TRIES: Final = 24
_API_TRIES: Final = 6
_LONGEST_WAIT: Final = 2.0
_SURELY_MISSING: Final = (0.005, 0.02)
_REFUSALS_BELIEVED: Final = 3
_QUIET: Final = 0.1


class Manifests(Protocol):
    """What of a registry is needed here."""

    def read_manifest(self, name: str) -> tuple[Descriptor, bytes]:
        """A manifest by tag or digest."""
        ...

    def put_once(self, name: str, descriptor: Descriptor, raw: bytes) -> None:
        """Store a manifest under a tag, or fail: never later by trying again."""
        ...

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether a manifest is there."""
        ...


def from_api(
    client: Client, url: str, scopes: tuple[Scope, ...], *, doing: str
) -> list[Descriptor] | None:
    """What the referrers API lists; None where there is no API."""
    try:
        found = list(pages(client, url, scopes, doing=doing, missing=(404, 405, 501)))
    except InvalidInput:
        return None  # some answer what they do not know with 400
    if not found:
        return None
    entries: list[Descriptor] = []
    for page in found:
        manifests = page.get("manifests")
        entries += map(Descriptor.from_json, manifests if isinstance(manifests, list) else ())
    return entries


def fallback_index(store: Manifests, subject: Descriptor) -> Index | None:
    """The index under the fallback tag, or None.

    GitLab answers a missing fallback tag with the subject itself: anything but an index, and
    the subject, count as missing.
    """
    try:
        descriptor, raw = store.read_manifest(fallback_tag(subject.digest))
    except NotFound:
        return None
    if descriptor.digest == subject.digest or not descriptor.is_index:
        return None
    index = parse(raw, descriptor.media_type)
    return index if isinstance(index, Index) else None


def looked_at(
    store: Manifests, subject: Descriptor, entries: Iterable[Descriptor]
) -> Iterator[Descriptor]:
    """Those of a fallback tag's entries that are referrers, each looked at itself.

    Anybody may write that index, so nothing it says about a manifest's type is believed.
    """
    for entry in entries:
        try:
            descriptor, raw = store.read_manifest(entry.digest)
            manifest = parse(raw, descriptor.media_type)
        except (NotFound, InvalidInput):
            continue  # collected meanwhile, or no manifest: no referrer
        if manifest.subject and manifest.subject.digest == subject.digest:
            yield described(descriptor, manifest)


def described(descriptor: Descriptor, manifest: Manifest | Index) -> Descriptor:
    """A referrer's descriptor as the referrers API would give it."""
    kind = manifest.kind if isinstance(manifest, Manifest) else manifest.artifact_type
    return Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        annotations=manifest.annotations,
        artifact_type=kind,
    )


def add_to_fallback(store: Manifests, subject: Descriptor, referrer: Descriptor) -> None:
    """List a referrer under the fallback tag, and make sure that it stays listed.

    Whoever read the list before ours was there has put theirs after twice the time that this took
    us; whoever reads it later keeps ours. So it is looked at again then, and where others are seen
    to write once more and later: the slowest of them may be about to put what it read long ago.
    What was seen on the list and is gone was lost by somebody as well, and is put back with ours.

    Raises:
        Unavailable: other writers removed it again and again.
    """
    writing = _Writing(store, subject, referrer)
    slowest = 0.0
    for attempt in range(_TRIES):
        began = time.monotonic()
        if writing.is_settled():
            return
        slowest = max(slowest, time.monotonic() - began)
        wait = max(_QUIET, 4 * slowest) if writing.is_contended else 2 * slowest
        # Writers that lost together must not come back together.
        time.sleep(min(_LONGEST_WAIT, wait + random.uniform(0.0, 0.02) * attempt))  # noqa: S311
    if referrer.digest not in _entries(store, subject):
        raise _lost(referrer) from writing.failure


@dataclass(slots=True)
class _Writing:
    """A list of referrers that is being added to, and what is known of it."""

    store: Manifests
    subject: Descriptor
    own: Descriptor
    known: dict[Digest, Descriptor] = field(default_factory=dict)
    # What the list held when it was last read, or put.
    last: frozenset[Digest] | None = None
    is_contended: bool = False
    found_whole: int = 0
    has_put: bool = False
    gone: set[Digest] = field(default_factory=set)
    refusals: int = 0
    failure: Exception | None = None

    def is_settled(self) -> bool:
        """Whether everything known was listed for long enough; what is not is put."""
        listed = _entries(self.store, self.subject)
        if self.last is not None and self.last != listed.keys():
            self.is_contended = True
        wanted = listed | self.known | {self.own.digest: self.own}
        self.known = {at: entry for at, entry in wanted.items() if at not in self.gone}
        if not self.known.keys() <= listed.keys():
            self.found_whole, self.has_put = 0, True
            self.last = frozenset(self.known)
            self._put(Index.build(tuple(self.known.values())))
            return False
        self.found_whole += 1
        self.last = frozenset(listed)
        # What was there before anything was put may be just being replaced.
        return self.found_whole >= 1 + self.is_contended + (not self.has_put)

    def _put(self, index: Index) -> None:
        try:
            self.store.put_once(fallback_tag(self.subject.digest), index.descriptor, index.raw)
        except NotFound as error:
            self.failure = error
            self._forget_what_is_gone()
        except (Unavailable, BrokenConnection) as error:
            self.failure = error  # putting this very list again would undo what others do now

    def _forget_what_is_gone(self) -> None:
        """Distribution 2.x refuses a list for ever whose entries its garbage collection took.

        It also misses for a moment what somebody is putting; so not at the first refusal.
        """
        self.refusals += 1
        if self.refusals < _REFUSALS_BELIEVED:
            return
        missing = [entry for entry in self.known.values() if entry.digest != self.own.digest]
        for wait in (0.0, *_SURELY_MISSING):
            time.sleep(wait)
            missing = [entry for entry in missing if not self.store.exists(entry)]
        self.gone |= {entry.digest for entry in missing}


def _entries(store: Manifests, subject: Descriptor) -> dict[Digest, Descriptor]:
    index = fallback_index(store, subject)
    for wait in () if index else _SURELY_MISSING:
        # Distribution 2.x writes its files in place: for a moment there seems to be no list while
        # somebody writes one, and a new one would forget everything.
        time.sleep(wait)
        index = index or fallback_index(store, subject)
    return {entry.digest: entry for entry in index.manifests} if index else {}


def demand_listed(
    listed: Callable[[], Iterable[Descriptor] | None],
    put_again: Callable[[], object],
    referrer: Descriptor,
) -> bool:
    """See to it that the referrers API tells of a manifest: it loses entries in races, too.

    False where ``listed`` says that there is no API after all.

    Raises:
        Unavailable: it was put again and again and is not listed.
    """
    for attempt in range(_API_TRIES):
        found = listed()
        if found is None:
            return False
        if any(entry.digest == referrer.digest for entry in found):
            return True
        # Some registries list a moment later than they answer.
        time.sleep(min(_LONGEST_WAIT, 0.05 * 2.0**attempt))
        if attempt:
            put_again()
    raise _lost(referrer)


def _lost(referrer: Descriptor) -> Unavailable:
    return Unavailable(
        f"cannot list {referrer.digest.short} as a referrer",
        cause="it was put again and again, and other writers or the registry lose it",
        hint="run it again",
    )

"""The evidence of a version, read with care: whoever may push may have put it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations.reading.cached_source import CachedSource
from lading.ports import Referrers, Source
from lading.spec import evidence as kinds
from lading.spec import mediatypes
from lading.spec.compressed import model_of
from lading.spec.descriptor import Descriptor
from lading.spec.event import moment
from lading.spec.evidence import Evidence
from lading.spec.manifest import Manifest, parse
from lading.transfer import read
from lading.transfer.attach import listed

if TYPE_CHECKING:
    from typing import Protocol

    from lading.cache import Cache
    from lading.settings import Settings
    from lading.spec.reference import Reference

    class EvidenceStore(Source, Referrers, Protocol):
        """What evidence is read from."""


_LONGEST_TEXT: Final = 256


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is believed, newest first; what is not, in words; and how much was not looked at."""

    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...] = ()
    unread: int = 0


def kept(place: Reference, settings: Settings) -> Cache | None:
    """Where evidence of this place is kept: what is on this machine is not kept twice."""
    from lading.cache import Cache

    return Cache(settings.cache) if place.host else None


def gather(
    store: EvidenceStore, root: Descriptor, *, keep: Cache | None = None, jobs: int = 4
) -> Gathered:
    """The evidence of a version, and a note for everything listed that is none.

    One request for the list; manifests and small content are in the cache after the first time.
    What is damaged, missing or about something else becomes a note; what cannot be had for now is
    an error, since a rule must not judge half of it.

    Raises:
        LadingError: the list cannot be had, or something in it for now.
    """
    entries = {entry.digest: entry for entry in listed(store, root)}
    if not entries:
        return Gathered(())
    from concurrent.futures import ThreadPoolExecutor

    # Nobody can hide older evidence behind more than is read without being told of here.
    newest = sorted(entries.values(), key=lambda entry: _claimed(entry.annotations), reverse=True)
    reading = _Reading(CachedSource(store, keep) if keep else store, root)
    with ThreadPoolExecutor(min(jobs, len(newest))) as pool:
        looked = list(pool.map(reading.look, newest[: kinds.MOST_READ]))
    unread = len(newest[kinds.MOST_READ :])
    notes = [note for note in looked if isinstance(note, str)]
    if unread:
        notes.append(f"{unread} more pieces of evidence were not read")
    found = [piece for piece in looked if isinstance(piece, Evidence)]
    # Of what was made within one second a list in a layout holds the later one later; registries
    # answer in any order, so there the digest decides.
    order = {digest: at for at, digest in enumerate(entries)} if _keeps_order(store) else {}
    found.sort(
        key=lambda piece: (_instant(piece.created), order.get(piece.digest, 0), piece.digest),
        reverse=True,
    )
    return Gathered(tuple(found), tuple(notes), unread)


def _keeps_order(store: EvidenceStore) -> bool:
    from lading.stores.layout import LayoutStore

    return isinstance(store, LayoutStore)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How each entry of a list is looked at; from several threads."""

    source: Source
    root: Descriptor

    def look(self, entry: Descriptor) -> Evidence | str:
        """The evidence, or why it is not taken for any."""
        try:
            return self._evidence(entry)
        except (NotFound, InvalidInput, IntegrityError) as error:
            return f"{entry.digest.short} is listed as evidence and left out: {error}"

    def _evidence(self, entry: Descriptor) -> Evidence:
        manifest = evidence_manifest(self.source, self.root, entry)
        word = kinds.word_of(manifest.kind)
        content = self._content(word, manifest)
        annotations = manifest.annotations
        layer_titles = (layer.annotations.get(mediatypes.TITLE) for layer in manifest.layers)
        return Evidence(
            digest=entry.digest,
            type=word,
            created=_moment(content.get("created")) or _moment(annotations.get(mediatypes.CREATED)),
            actor=_short(content.get("actor"))
            or _short(annotations.get(kinds.ACTOR))
            or _short(annotations.get(mediatypes.AUTHORS)),
            title=_short(annotations.get(mediatypes.TITLE)) or _short(next(layer_titles, None)),
            size=sum(layer.size for layer in manifest.layers),
            content=content,
        )

    def _content(self, word: str, manifest: Manifest) -> Mapping[str, Any]:
        if word not in kinds.READ:
            return {}
        if len(manifest.layers) != 1:
            raise InvalidInput(f"the {word} has not one layer")
        raw = read(self.source, manifest.layers[0], limit=kinds.CONTENT_LIMIT)
        content = kinds.content_of(word, raw)
        if other := kinds.names_another(word, content, self.root.digest, None):
            # Rare enough to read the version's own index only then.
            model = model_of(parse(read(self.source, self.root), self.root.media_type))
            if kinds.names_another(word, content, self.root.digest, model):
                raise InvalidInput(f"the {word} is of another version", cause=f"it names {other}")
        return content


def evidence_manifest(source: Source, root: Descriptor, entry: Descriptor) -> Manifest:
    """The manifest behind an entry of a list, if it really is about this version.

    Raises:
        InvalidInput: it is not, or no plain manifest.
        NotFound: it is gone.
        IntegrityError: it is damaged.
    """
    if not entry.is_manifest:
        raise InvalidInput("it is no manifest", cause=entry.media_type[:100])
    manifest = parse(read(source, entry, limit=kinds.CONTENT_LIMIT), entry.media_type)
    if not isinstance(manifest, Manifest):
        raise InvalidInput("it is an index")
    if manifest.subject is None or manifest.subject.digest != root.digest:
        raise InvalidInput("its subject is another")
    return manifest


def _claimed(annotations: Mapping[str, str]) -> float:
    return _instant(_moment(annotations.get(mediatypes.CREATED)))


def _instant(created: str | None) -> float:
    return moment(created).timestamp() if created else 0.0


def _moment(value: object) -> str | None:
    """A moment that can be believed to be one."""
    if not isinstance(value, str):
        return None
    try:
        moment(value)
    except (InvalidInput, OverflowError):
        return None
    return value


def _short(value: object) -> str | None:
    return value[:_LONGEST_TEXT] if isinstance(value, str) and value else None

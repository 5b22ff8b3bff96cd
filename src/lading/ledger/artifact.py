"""An event as an artifact: a manifest with one layer, which also comes along inline.

Inline, because an audit reads every event: one request for each instead of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lading.errors import IntegrityError, InvalidInput
from lading.ledger.envelope import LIMIT, unwrap, wrap
from lading.ledger.line import mark
from lading.ports import Source
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import Event, Recorded
from lading.spec.manifest import Manifest, parse
from lading.spec.tags import event_of, event_tag
from lading.transfer import read

EVENT: Final = "application/vnd.lading.event.v1+json"
EMPTY: Final = b"{}"
EMPTY_CONFIG: Final = Descriptor.of(EMPTY, mediatypes.EMPTY)
# A manifest around the largest statement: base64, and little else.
MANIFEST_LIMIT: Final = 2 * LIMIT


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event in the bytes that are stored."""

    event: Event
    manifest: Manifest
    layer: Descriptor
    content: bytes

    @property
    def descriptor(self) -> Descriptor:
        """The manifest's."""
        return self.manifest.descriptor

    @property
    def tag(self) -> str:
        """The tag that makes it true."""
        return event_tag(self.event.seq, self.descriptor.digest)

    @property
    def mark(self) -> str:
        """What other events' lines call it."""
        return mark(self.descriptor.digest)

    @property
    def recorded(self) -> Recorded:
        """The event as it will lie in the repository."""
        return Recorded(self.descriptor.digest, self.event)


def seal(event: Event) -> SealedEvent:
    """The artifact of an event.

    Raises:
        InvalidInput: the event is too large.
    """
    media_type, content = wrap(event.encode())
    layer = Descriptor(media_type, Digest.of(content), len(content), data=content)
    manifest = Manifest.build(
        EMPTY_CONFIG,
        (layer,),
        artifact_type=EVENT,
        # For people who look at a registry's pages; nobody here believes them.
        annotations={mediatypes.CREATED: event.time, mediatypes.TITLE: _title(event)},
    )
    return SealedEvent(event, manifest, layer, content)


def unseal(source: Source, descriptor: Descriptor, raw: bytes) -> Recorded:
    """The event in an artifact, whose manifest's bytes were verified.

    Raises:
        InvalidInput: it is no event.
        IntegrityError: its bytes are not what its digest says.
    """
    manifest = parse(raw, descriptor.media_type)
    if not isinstance(manifest, Manifest) or manifest.artifact_type != EVENT:
        raise InvalidInput(f"{descriptor.digest} is no event")
    if len(manifest.layers) != 1:
        raise InvalidInput(f"the event {descriptor.digest} has not one statement")
    layer = manifest.layers[0]
    event = Event.parse(unwrap(layer.media_type, _content(source, layer)))
    return Recorded(descriptor.digest, event)


def demand_own_tag(recorded: Recorded, tag: str) -> None:
    """Refuse an event under a tag that is not its own.

    Raises:
        IntegrityError: somebody put it there.
    """
    if event_of(tag) != (recorded.event.seq, recorded.digest.hex[:16]):
        raise IntegrityError(
            f"the tag {tag} names another event",
            cause=f"{recorded.digest}, whose seq is {recorded.event.seq}",
        )


def _content(source: Source, layer: Descriptor) -> bytes:
    inline = layer.data
    fits = inline is not None and len(inline) == layer.size <= LIMIT
    if inline is not None and fits and Digest.of(inline) == layer.digest:
        return inline
    return read(source, layer, limit=LIMIT)


def _title(event: Event) -> str:
    words = (event.kind, event.version or event.digest.short, event.stage)
    return " ".join(word for word in words if word)[:200]

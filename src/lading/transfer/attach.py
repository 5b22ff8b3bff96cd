"""Publish a referrer: content first, then the one manifest that names what it is about.

That a manifest is found by its subject, whoever else writes at the same moment, is the store's
promise: see :mod:`lading.stores.remote.referrers` for how a registry is made to keep it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lading.errors import InvalidInput
from lading.ports import Content, ReferrerList, Referrers, Target
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Manifest
from lading.transfer.progress import Meter, OnProgress, counted, label

_EMPTY: Final = b"{}"
EMPTY_CONFIG: Final = Descriptor.of(_EMPTY, mediatypes.EMPTY)


def attach(
    store: Target,
    subject: Descriptor,
    layers: Sequence[tuple[Descriptor, Content]],
    *,
    artifact_type: str,
    annotations: Mapping[str, str],
    on_progress: OnProgress | None = None,
) -> Descriptor:
    """Hang content on a manifest; the descriptor of the manifest that holds it.

    Nobody sees anything before the last step, and doing it again does nothing twice. Always a
    plain manifest: an index among the referrers stops other tools from copying a repository.

    Raises:
        Unavailable: it was put, and others or the registry keep losing it.
        LadingError: the store refuses.
    """
    if any(layer.is_manifest for layer, _ in layers):
        raise InvalidInput("only content can be attached", cause="a layer is a manifest")
    manifest = Manifest.build(
        EMPTY_CONFIG,
        tuple(layer for layer, _ in layers),
        artifact_type=artifact_type,
        # Nothing that only the place where it was found says of it.
        subject=Descriptor(subject.media_type, subject.digest, subject.size),
        annotations=annotations,
    )
    pieces = ((EMPTY_CONFIG, BytesContent(_EMPTY)), *layers)
    meter = Meter(on_progress, sum(descriptor.size for descriptor, _ in pieces))
    for descriptor, content in pieces:
        track = meter.track(label(descriptor), descriptor.digest, descriptor.size)
        if store.exists(descriptor):
            track.skip()
            continue
        track.start()
        store.push(descriptor, counted(content, track))
        track.finish()
    store.push(manifest.descriptor, BytesContent(manifest.raw))
    return manifest.descriptor


def listed(store: Referrers, subject: Descriptor) -> Iterable[Descriptor]:
    """What is said to refer to a manifest, as cheaply as the store can tell.

    Nothing here is known to be true: who uses an entry reads its manifest and looks at its subject.
    """
    if isinstance(store, ReferrerList):
        return store.listed_referrers(subject)
    return store.referrers(subject)

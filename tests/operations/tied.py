"""A small image that was made for a version, as `image build` and `image assemble` leave one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lading.operations.attaching.attachment import Attachment
from lading.operations.attaching.image_evidence import hang_image
from lading.settings import Settings
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.encoding import encode
from lading.spec.event import now
from lading.spec.image import Image
from lading.spec.manifest import Index, Manifest
from lading.spec.reference import Reference
from lading.spec.tags import Target, image_tag
from lading.spec.version import Version

LINUX = Platform("amd64", "linux")


def tie(
    reference: str,
    settings: Settings,
    *,
    target: Target = "serve",
    says: str = "first",
    labels: Mapping[str, str] | None = None,
) -> Digest:
    """Put an image beside a version, and hang its evidence on it; the image's digest."""
    attachment = Attachment.to(reference, settings)
    layer = says.encode() * 100
    config = encode(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": dict(labels or {})},
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(layer)]},
        }
    )
    manifest = Manifest.build(
        Descriptor.of(config, mediatypes.IMAGE_CONFIG),
        (Descriptor.of(layer, mediatypes.IMAGE_LAYER),),
    )
    index = Index.build((replace(manifest.descriptor, platform=LINUX),))
    store = attachment.store
    for part, raw in ((manifest.config, config), (manifest.layers[0], layer)):
        store.push(part, BytesContent(raw))
    store.push(manifest.descriptor, BytesContent(manifest.raw))
    version = Version.from_tag(Reference.parse(reference).tag or "")
    assert version
    store.push(index.descriptor, BytesContent(index.raw), image_tag(target, version))
    image = Image(
        index=attachment.root.digest,
        model=attachment.model,
        target=target,
        repository=attachment.place.base,
        descriptor=index.descriptor,
        platforms=(LINUX,),
        base=None,
        how="built",
        tool="tests",
        created=now(),
        actor=attachment.actor,
        reproducible=True,
    )
    hang_image(attachment, image)
    return index.descriptor.digest

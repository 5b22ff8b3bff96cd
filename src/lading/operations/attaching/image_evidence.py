"""How a version is told of an image that was made for it: once, however often it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lading.errors import InvalidInput
from lading.operations.attaching.attachment import Attached, Attachment
from lading.spec import evidence as kinds
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.image import IMAGE_LIMIT, Image, named_by, parse_image
from lading.spec.manifest import Manifest
from lading.transfer import read

_TYPE: Final = kinds.artifact_type(kinds.IMAGE)


def hang_image(attachment: Attachment, image: Image, *, anew: bool = False) -> Attached:
    """Hang an image's evidence on its version, unless it hangs there already, whoever said it.

    With ``anew`` it is said again: its tag named another image meanwhile, and the newest counts.

    The image must be where it says, whole, before: what is hung here is believed.

    Raises:
        InvalidInput: it is of another version, or nobody could read it back.
        Unavailable: it was put, and others or the registry keep losing it.
    """
    if image.index != attachment.root.digest:
        raise InvalidInput("the image is of another version", cause=f"it names {image.index}")
    raw = image.encode()
    return attachment.hang(
        (Descriptor.of(raw, _TYPE), BytesContent(raw)),
        artifact_type=_TYPE,
        created=image.created,
        annotations=image.annotations,
        says_the_same=lambda manifest: not anew and _says(attachment, manifest, image),
        once=True,
    )


def _says(attachment: Attachment, manifest: Manifest, image: Image) -> bool:
    """Whether it says the same of this image, but for who said it, with which tool, and when."""
    if named_by(manifest.annotations) != image.descriptor.digest or len(manifest.layers) != 1:
        return False
    said = parse_image(read(attachment.store, manifest.layers[0], limit=IMAGE_LIMIT))
    return image == replace(said, created=image.created, actor=image.actor, tool=image.tool)

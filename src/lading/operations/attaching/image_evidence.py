"""How a version is told of an image that was made for it: once, however often it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from lading.errors import InvalidInput
from lading.operations.attaching.attachment import Attached, Attachment
from lading.spec import evidence as kinds
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.image import IMAGE_LIMIT, TARGET, Image, named_by, parse_image
from lading.spec.manifest import Manifest
from lading.transfer import read

_TYPE: Final = kinds.artifact_type(kinds.IMAGE)


def hang_image(attachment: Attachment, image: Image) -> Attached:
    """Hang an image's evidence on its version, unless the newest of its target says the same.

    Whoever said it. Another that was named in between would otherwise count as the newest.

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
        says_the_same=_Newest(attachment, image).says_the_same,
        once=True,
    )


@dataclass(slots=True)
class _Newest:
    """Evidence held against an image, the newest first: of its target only the first counts."""

    attachment: Attachment
    image: Image
    _seen: bool = False

    def says_the_same(self, manifest: Manifest) -> bool:
        """Whether it says the same, but for who said it, with which tool, and when."""
        if self._seen or manifest.annotations.get(TARGET) != self.image.target:
            return False
        self._seen = True
        image = self.image
        if named_by(manifest.annotations) != image.descriptor.digest or len(manifest.layers) != 1:
            return False
        said = parse_image(read(self.attachment.store, manifest.layers[0], limit=IMAGE_LIMIT))
        return image == replace(said, created=image.created, actor=image.actor, tool=image.tool)

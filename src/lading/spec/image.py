"""Evidence of an image: which image was made for a version, of what, and by whom.

An image is no referrer: it stays an ordinary image or index under a tag of its own. A small
manifest that hangs on the version names it, with this as its one layer. What is read may have been
written by anybody: it is held against its shape here, once, and no field grows without bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from lading.errors import InvalidInput
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.encoding import check_depth, decode_object, encode
from lading.spec.event import moment
from lading.spec.plain import Fields, table, text, texts
from lading.spec.tags import TARGETS, Target

How = Literal["built", "assembled"]

IMAGE_VERSION: Final = 1
# A description of an image is a kilobyte; who needs more says something else.
IMAGE_LIMIT: Final = 64 * 1024
MOST_PLATFORMS: Final = 32
# Of an image that has more, evidence names none.
MOST_PACKAGES: Final = 1000
_LONGEST: Final = 512
_HOW: Final = ("built", "assembled")
_TYPES: Final = frozenset(
    {
        mediatypes.IMAGE_INDEX,
        mediatypes.IMAGE_MANIFEST,
        mediatypes.DOCKER_MANIFEST_LIST,
        mediatypes.DOCKER_MANIFEST,
    }
)

# On the manifest that holds the evidence, so that gc and copies need not read what it says; and,
# of the version that an image was made for, as labels and annotations of the image itself.
IMAGE: Final = "dev.lading.image"
TARGET: Final = "dev.lading.target"
REFERENCE: Final = "dev.lading.model"
DIGEST: Final = "dev.lading.digest"
# Which pins the packages of an image were chosen from; equal for versions with one lock.
LOCK: Final = "dev.lading.lock"
# What the name of every such label begins with.
LABELS: Final = "dev.lading."


@dataclass(frozen=True, slots=True)
class BaseImage:
    """What an image was made from: a reference as it was known, and a digest where one is."""

    reference: str | None
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was made for a version."""

    # The version: its index, and its model manifest, which survives a copy that was compressed.
    index: Digest
    model: Digest | None
    target: Target
    # Where it was put when it was made, as its maker knew it; the digest is what holds.
    repository: str
    descriptor: Descriptor
    platforms: tuple[Platform, ...]
    base: BaseImage | None
    how: How
    tool: str
    created: str
    actor: str
    reproducible: bool
    # Why the same inputs may give another digest, where they may.
    why_not: str | None = None
    # What was installed in it, as NAME==VERSION, where its builder wrote that down.
    packages: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The evidence as plain values."""
        subject = {"index": str(self.index)}
        if self.model:
            subject["model"] = str(self.model)
        value: dict[str, Any] = {
            "schema_version": IMAGE_VERSION,
            "subject": subject,
            "target": self.target,
            "image": {
                "repository": self.repository,
                "digest": str(self.descriptor.digest),
                "media_type": self.descriptor.media_type,
                "size": self.descriptor.size,
                "platforms": [str(platform) for platform in self.platforms],
            },
        }
        if self.base:
            named = {"reference": self.base.reference, "digest": self.base.digest}
            value["base"] = {name: str(part) for name, part in named.items() if part}
        value |= {
            "how": self.how,
            "tool": self.tool,
            "created": self.created,
            "actor": self.actor,
            "reproducible": self.reproducible,
        }
        value |= {"why_not": self.why_not} if self.why_not else {}
        return value | ({"packages": list(self.packages)} if self.packages else {})

    def encode(self) -> bytes:
        """The bytes of this evidence.

        Raises:
            InvalidInput: nobody would read it back: a field is none, or too long.
        """
        raw = encode(self.as_json())
        parse_image(raw)
        return raw

    @property
    def annotations(self) -> dict[str, str]:
        """What is written on the manifest that holds this."""
        return {IMAGE: self.descriptor.digest, TARGET: self.target}


def parse_image(raw: bytes | memoryview) -> Image:
    """The image that evidence names.

    Fields that a later Lading writes are passed over.

    Raises:
        InvalidInput: it is no such evidence; says which field is wrong.
    """
    if len(raw) > IMAGE_LIMIT:
        raise InvalidInput("the image's evidence is too large", cause=f"{len(raw)} bytes")
    value = decode_object(raw, "the image's evidence")
    check_depth(value, "the image's evidence")
    return image_from(value)


def image_from(value: Fields) -> Image:
    """The image that plain values name.

    Raises:
        InvalidInput: they name none; says which field is wrong.
    """
    subject, image = table(value.get("subject")), table(value.get("image"))
    how, target = _text(value, "how"), _text(value, "target")
    if how not in _HOW:
        raise _wrong("how", f"it is none of {', '.join(_HOW)}")
    if target not in TARGETS:
        raise _wrong("target", f"it is none of {', '.join(TARGETS)}")
    created = _text(value, "created")
    moment(created)
    reproducible = value.get("reproducible")
    if not isinstance(reproducible, bool):
        raise _wrong("reproducible", "it is neither true nor false")
    return Image(
        index=Digest(_text(subject, "index")),
        model=_digest(subject, "model"),
        target=target,
        repository=_text(image, "repository"),
        descriptor=_descriptor(image),
        platforms=_platforms(image.get("platforms")),
        base=_base(value.get("base")),
        how=cast(How, how),
        tool=_text(value, "tool"),
        created=created,
        actor=_text(value, "actor"),
        reproducible=reproducible,
        why_not=_optional(value, "why_not"),
        packages=_packages(value.get("packages")),
    )


def named_by(annotations: Mapping[str, str]) -> Digest | None:
    """The image that a manifest with evidence says it names; None where it says nothing so."""
    try:
        return Digest(annotations[IMAGE]) if IMAGE in annotations else None
    except InvalidInput:
        return None


def platform_of(words: str) -> Platform:
    """The platform in ``linux/arm64/v8``.

    Raises:
        InvalidInput: it is none.
    """
    parts = words.split("/")
    fits = len(words) <= 100 and all(part and part.isprintable() for part in parts)
    if len(parts) not in (2, 3) or not fits:
        raise InvalidInput(f"not a platform: {words[:60]!r}", hint="linux/amd64")
    return Platform(parts[1], parts[0], parts[2] if len(parts) == 3 else None)


def _descriptor(image: Fields) -> Descriptor:
    found = Descriptor.from_json(
        {
            "mediaType": image.get("media_type"),
            "digest": image.get("digest"),
            "size": image.get("size"),
        }
    )
    if found.media_type not in _TYPES:
        raise _wrong("image.media_type", "it is no image's")
    return found


def _platforms(value: object) -> tuple[Platform, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_PLATFORMS:
        raise _wrong("image.platforms", f"it is no list of up to {MOST_PLATFORMS} platforms")
    return tuple(platform_of(words) if isinstance(words, str) else _no(words) for words in value)


def _no(value: object) -> Platform:
    raise _wrong("image.platforms", f"{str(value)[:40]!r} is no platform")


def _packages(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    found = texts(value)
    if len(found) > MOST_PACKAGES or any(len(each) > _LONGEST for each in found):
        raise _wrong("packages", f"it is no list of up to {MOST_PACKAGES} packages")
    return tuple(found)


def _base(value: object) -> BaseImage | None:
    if value is None:
        return None
    base = table(value)
    found = BaseImage(_optional(base, "reference"), _digest(base, "digest"))
    if found == BaseImage(None, None):
        raise _wrong("base", "it names nothing")
    return found


def _digest(value: Fields, name: str) -> Digest | None:
    return Digest(_text(value, name)) if value.get(name) is not None else None


def _optional(value: Fields, name: str) -> str | None:
    return _text(value, name) if value.get(name) is not None else None


def _text(value: Fields, name: str) -> str:
    found = text(value.get(name))
    if found is None or len(found) > _LONGEST:
        raise _wrong(name, "it is missing, no text, or too long")
    return found


def _wrong(field: str, why: str) -> InvalidInput:
    return InvalidInput(f"the image's evidence is not right: {field}", cause=why)

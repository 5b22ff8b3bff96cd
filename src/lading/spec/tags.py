"""Tags: which are versions, which are Lading's own, which a person may set."""

from __future__ import annotations

import re
from typing import Final, Literal, cast, get_args

from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.version import Version

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
LATEST = "latest"
LEDGER = "ledger"

_OWN = re.compile(
    r"ledger(-\d{4})?|evt\..*|keep-[0-9a-f]{12}|sha(256|512)-[0-9a-f]+(\..*)?", re.ASCII
)
_EVENT = re.compile(r"evt\.(\d{8})\.([0-9a-f]{16})", re.ASCII)
_SEGMENT = re.compile(r"ledger-\d{4}", re.ASCII)
_IMAGES = re.compile(r"(base|train|runtime|serve)-(.+)", re.ASCII)

# What an image of a version is for: what both share, training, serving without a model, or with.
Target = Literal["base", "train", "runtime", "serve"]
TARGETS: Final[tuple[Target, ...]] = get_args(Target)
# Those that answer requests.
SERVING: Final[tuple[Target, ...]] = ("runtime", "serve")


def keep_tag(digest: Digest) -> str:
    """The tag that saves a child manifest from distribution 2.x's garbage collection."""
    return f"keep-{digest.short}"


def fallback_tag(digest: Digest) -> str:
    """The tag that lists referrers where a registry has no API for them."""
    # The specification cuts a sha512's digits: a tag has at most 128 characters.
    return f"{digest.algorithm}-{digest.hex[:64]}"


def event_tag(seq: int, digest: Digest) -> str:
    """The tag of an event, which nobody else will write."""
    return f"evt.{seq:08d}.{digest.hex[:16]}"


def event_of(tag: str) -> tuple[int, str] | None:
    """The seq and the first digits of the digest in an event's tag; None where it is another."""
    match = _EVENT.fullmatch(tag)
    return (int(match[1]), match[2]) if match else None


def segment_tag(number: int) -> str:
    """The tag of a full part of the ledger."""
    return f"{LEDGER}-{number:04d}"


def is_segment(tag: str) -> bool:
    """Whether a tag names a full part of the ledger."""
    return _SEGMENT.fullmatch(tag) is not None


def target_of(text: str, *more: str) -> Target:
    """What an image is for; ``more`` are words that may stand there as well.

    Raises:
        InvalidInput: it is nothing that images are for.
    """
    for target in TARGETS:
        if text == target:
            return target
    words = (*TARGETS, *more)
    raise InvalidInput(
        f"not a target: {text[:40]!r}", hint=f"{', '.join(words[:-1])} or {words[-1]}"
    )


def image_tag(target: Target, version: Version) -> str:
    """The tag of the image for a version; before it, for behind it would be a pre-release.

    Raises:
        InvalidInput: the version is so long that no tag can hold both.
    """
    tag = f"{target}-{version.tag}"
    if TAG.fullmatch(tag) is None:
        raise InvalidInput(f"the version {version} is too long for the tag of an image")
    return tag


def image_of(tag: str) -> tuple[Target, Version] | None:
    """What an image's tag says: for what, and for which version; None where it is another."""
    match = _IMAGES.fullmatch(tag)
    version = Version.from_tag(match[2]) if match else None
    return (cast(Target, match[1]), version) if match and version else None


def is_own(tag: str) -> bool:
    """Whether a tag is Lading's (or the specification's) bookkeeping, hidden from listings."""
    return _OWN.fullmatch(tag) is not None


def settable(tag: str) -> str:
    """A tag that a person may point anywhere.

    Raises:
        InvalidInput: it is no tag, a version, ``latest``, or kept for Lading itself.
    """
    if TAG.fullmatch(tag) is None:
        raise InvalidInput(
            f"not a tag: {tag[:128]!r}", hint="letters, digits, _ . - and at most 128 of them"
        )
    if Version.from_tag(tag):
        raise InvalidInput(
            f"{tag} is a version, and versions never move", hint=f"lading push PATH REPO:{tag}"
        )
    if tag == LATEST:
        raise InvalidInput(
            "latest follows the highest release by itself", hint="choose another name"
        )
    if is_own(tag) or _IMAGES.fullmatch(tag):
        raise InvalidInput(f"{tag} is a name that Lading keeps for itself", hint="choose another")
    return tag

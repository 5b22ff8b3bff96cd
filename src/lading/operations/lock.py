"""The packages that a version needs, in the words of a tool that installs them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from lading.capture.lock import listing, pylock, requirements
from lading.capture.lock.locked import Locked
from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations import stores
from lading.operations.check_env import recorded_environment
from lading.operations.open import Opened
from lading.operations.open import open as open_version
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.environment import Environment

Format = Literal["pylock", "requirements", "yaml", "conda"]
FORMATS: tuple[str, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class LockResult:
    """The text of a lock."""

    reference: str
    digest: str
    format: Format
    text: str
    packages: int
    hashed: bool
    notes: tuple[str, ...]


def lock(
    reference: str | Reference,
    *,
    format: Format = "pylock",  # noqa: A002  the option's word
    settings: Settings | None = None,
) -> LockResult:
    """The lock of a version as pylock.toml, as pip's requirements, or as YAML that others know.

    Raises:
        InvalidInput: it is no model, its lock is none, or there is no such format.
        NotFound: there is no such version, or nothing was recorded.
        IntegrityError: the lock is not what the document says.
    """
    if format not in FORMATS:
        raise InvalidInput(f"there is no format {format!r}", hint=f"one of {', '.join(FORMATS)}")
    settings = stores.settled(settings)
    with open_version(reference, settings=settings) as opened:
        environment = recorded_environment(opened)
        raw = recorded_lock(opened, environment)
        name = opened.document.name or Reference.parse(opened.reference).repository
    locked = pylock.read(raw, f"the lock of {opened.reference}")
    return LockResult(
        reference=opened.reference,
        digest=opened.digest,
        format=format,
        text=raw.decode() if format == "pylock" else _text(locked, format, name, environment),
        packages=len(locked.packages),
        hashed=locked.is_hashed,
        notes=_notes(locked, format),
    )


def recorded_lock(opened: Opened, environment: Environment) -> bytes:
    """The lock that is a file of the version; else one made of the pins in its document.

    Raises:
        IntegrityError: it is not the one that the document names.
        NotFound: no packages were recorded.
        InvalidInput: what was recorded is not pinned.
    """
    if environment.lock is not None:
        raw = opened.read(environment.lock.path)
        if hashlib.sha256(raw).hexdigest() != environment.lock.sha256:
            raise IntegrityError(
                f"the lock of {opened.reference} is not the one its document names",
                cause=f"{environment.lock.path} has another digest",
            )
        return raw
    if not environment.requirements:
        raise NotFound(
            f"{opened.reference} does not say which packages it needs",
            cause="only its Python was recorded",
        )
    pins = requirements.read("\n".join(environment.requirements).encode(), "the document")
    if pins is None:
        raise InvalidInput(
            f"the packages that {opened.reference} needs are not pinned",
            cause="its document holds more than names and versions",
        )
    return pylock.write(pins)


def _text(locked: Locked, kind: Format, name: str, environment: Environment) -> str:
    python = environment.python.version if environment.python else None
    if kind == "requirements":
        return requirements.write(locked)
    if kind == "yaml":
        return listing.python_env(locked, python)
    return listing.conda(locked, python, name.rpartition("/")[2] or "model")


def _notes(locked: Locked, kind: Format) -> tuple[str, ...]:
    local = [p.name for p in locked.packages if not requirements.can_be_had(p)]
    named = ", ".join(local[:10])
    notes = [f"{named} came from a folder: it cannot be had from anywhere"] if local else []
    lacking = sum(not package.is_hashed for package in locked.packages)
    if not lacking:
        return tuple(notes)
    said = f"{lacking} of {len(locked.packages)} packages have no hash"
    if kind == "pylock":
        said += ": installers refuse this file, --format requirements gives one that they take"
    return (*notes, said)

"""Hand models to KServe: what its storage initializer does, called as KServe calls it.

KServe starts a container before the server and gives it two words for each model: where it comes
from (``lading://HOST/NAME@sha256:…``) and the folder in which the server looks for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, LocalFailure
from lading.operations import stores
from lading.operations.pull import pull
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.transfer import OnProgress

SCHEME: Final = "lading://"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A model, and where it is now."""

    source: str
    path: str
    digest: str
    files: int
    size: int
    fetched: int


@dataclass(frozen=True, slots=True)
class StorageInitializerResult:
    """Every model that was asked for."""

    models: tuple[HandedOver, ...]


def storage_initializer(
    pairs: Iterable[tuple[str, str | Path]],
    *,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> StorageInitializerResult:
    """Pull models by digest, each into a folder, with the document that a server reads.

    Every byte is checked as it streams. Nothing is written anywhere else, so that the container
    needs no other room; what an earlier start left is compared and kept, or made anew.

    Raises:
        InvalidInput: a source names no digest, or is none of Lading's.
        NotFound: there is no such version.
        IntegrityError: a registry gave something else than the digest says.
        LocalFailure: a folder cannot be written to.
    """
    settings = stores.settled(settings)
    # All are looked at before the first byte is moved.
    wanted = [(_source(source), Path(folder)) for source, folder in pairs]
    return StorageInitializerResult(
        tuple(_handed_over(place, folder, settings, on_progress) for place, folder in wanted)
    )


def _source(text: str) -> Reference:
    if not text.startswith(SCHEME):
        raise InvalidInput(
            f"not a model of Lading's: {text[:200]!r}",
            cause=f"its address begins with {SCHEME}",
            hint=f"{SCHEME}HOST/NAME@sha256:…, as lading deploy --as kserve writes it",
        )
    place = Reference.parse(text.removeprefix(SCHEME))
    if place.host is None:
        raise InvalidInput(
            f"{text[:200]} names no registry", hint=f"{SCHEME}HOST/{place.repository}@sha256:…"
        )
    if place.digest is None:
        raise InvalidInput(
            f"{text[:200]} names no digest",
            cause="a name may mean another model each time a pod starts",
            hint="lading deploy REF --as kserve writes the digest",
        )
    return place


def _handed_over(
    place: Reference, folder: Path, settings: Settings, on_progress: OnProgress | None
) -> HandedOver:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The volume may be all that can be written to; it is emptied of this again.
        scratch = tempfile.TemporaryDirectory(prefix=".lading-", dir=folder)
    except OSError as error:
        raise LocalFailure(f"cannot write to {folder}", cause=error.strerror or "") from error
    with scratch as room:
        own = replace(settings, home=Path(room, "home"), cache=Path(room, "cache"))
        done = pull(place, folder, document=True, force=True, settings=own, on_progress=on_progress)
    return HandedOver(
        source=f"{SCHEME}{place}",
        path=str(folder),
        digest=done.digest,
        files=done.files,
        size=done.size,
        fetched=done.fetched,
    )

"""Read a piece of evidence back into a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import Conflict, IntegrityError, InvalidInput, LocalFailure, NotFound
from lading.operations import stores
from lading.operations.evidence import FetchEvidenceResult
from lading.operations.lifecycle.stages import warn_of_drift
from lading.operations.reading.gathered import evidence_manifest
from lading.ports import Source
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.evidence import word_of
from lading.spec.member_names import safe_title
from lading.transfer.attach import listed
from lading.transfer.believe import believed
from lading.transfer.progress import Meter, label

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.reference import Reference
    from lading.transfer import OnProgress

_BUFFER: Final = 1024 * 1024
# So few digits of a digest name nothing that a person meant.
_FEWEST_DIGITS: Final = 6


def fetch_evidence(
    reference: str | Reference,
    digest: str,
    into: str | Path,
    *,
    layer: str | None = None,
    force: bool = False,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> FetchEvidenceResult:
    """Write what a piece of evidence holds to a file, or into a folder under its own name.

    ``digest`` is the evidence's, or its first digits; ``layer`` a title or digest, where it holds
    more than one thing. The file appears when every byte is verified.

    Raises:
        NotFound: the version has no such evidence.
        InvalidInput: several are meant, or its name may not become a path.
        Conflict: the file is there already, and ``force`` is not given.
        IntegrityError: the bytes are not what the digest says; no file is written.
        LocalFailure: it cannot be written.
    """
    settings = stores.settled(settings)
    place = stores.with_name(stores.locate(reference, settings))
    store = stores.open_store(place, settings)
    root = stores.resolve(store, place)
    warn_of_drift(store, place, root, settings)
    entry = _chosen(list(listed(store, root)), digest, str(place))
    manifest = evidence_manifest(store, root, entry)
    wanted = _layer(manifest.layers, layer, str(place), entry)
    path = _path(Path(into), wanted)
    if not force and os.path.lexists(path):
        raise _exists(path)
    meter = Meter(on_progress, wanted.size)
    _write(store, wanted, path, force=force, meter=meter)
    return FetchEvidenceResult(
        reference=str(place),
        evidence=entry.digest,
        type=word_of(manifest.kind),
        layer=wanted.digest,
        media_type=wanted.media_type,
        size=wanted.size,
        path=str(path),
    )


def _chosen(entries: Sequence[Descriptor], digest: str, shown: str) -> Descriptor:
    """The entry that a digest, or its first digits, names."""
    digits = digest.removeprefix("sha256:")
    found = {
        entry.digest: entry
        for entry in entries
        if entry.digest == digest
        or (len(digits) >= _FEWEST_DIGITS and entry.digest.hex.startswith(digits))
    }
    if not found:
        raise NotFound(f"{shown} has no evidence {digest[:80]}", hint=f"lading evidence {shown}")
    if len(found) > 1:
        raise InvalidInput(
            f"{digest[:80]} names {len(found)} pieces of evidence", hint="write more of its digits"
        )
    (entry,) = found.values()
    return entry


def _layer(
    layers: Sequence[Descriptor], wanted: str | None, shown: str, entry: Descriptor
) -> Descriptor:
    titles = [layer.annotations.get(mediatypes.TITLE, layer.digest) for layer in layers]
    if wanted is None and len(layers) == 1:
        return layers[0]
    found = [
        layer
        for layer, title in zip(layers, titles, strict=True)
        if wanted is not None and wanted in (title, layer.digest)
    ]
    if len(found) == 1:
        return found[0]
    raise InvalidInput(
        f"which part of {entry.digest.short}?",
        cause=f"it holds {', '.join(titles)}"[:300] if titles else "it holds nothing",
        hint=f"lading evidence {shown} {entry.digest.short} --layer TITLE -o FILE",
    )


def _path(into: Path, layer: Descriptor) -> Path:
    if not into.is_dir():
        return into
    title = layer.annotations.get(mediatypes.TITLE)
    if title is None:
        raise InvalidInput(f"{into} is a folder, and the evidence has no name", hint="-o FILE")
    # Whoever attached it chose the name; of a path in it only the last part counts.
    return into / safe_title(title).rpartition("/")[2]


def _write(source: Source, layer: Descriptor, path: Path, *, force: bool, meter: Meter) -> None:
    partial = path.with_name(f".{path.name[:200]}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with partial.open("xb") as file:
            believed(source, layer, lambda: _pour(source, layer, file.fileno(), meter))
        _place(partial, path, force=force)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise LocalFailure(f"cannot write {path}", cause=error.strerror) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _place(partial: Path, path: Path, *, force: bool) -> None:
    if force:
        partial.replace(path)
        return
    try:
        # Unlike renaming, linking never replaces a file that came meanwhile.
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError as error:
        if os.path.lexists(path):
            raise FileExistsError(path) from error
        partial.rename(path)  # a file system without links


def _pour(source: Source, layer: Descriptor, fileno: int, meter: Meter) -> None:
    """Every byte, hashed on its way; never more than the descriptor says."""
    os.lseek(fileno, 0, os.SEEK_SET)
    os.ftruncate(fileno, 0)
    hasher, total = layer.digest.hasher(), 0
    buffer = memoryview(bytearray(min(_BUFFER, layer.size + 1)))
    track = meter.track(label(layer), layer.digest, layer.size)
    track.start()
    with source.fetch(layer) as reader:
        while total <= layer.size and (count := reader.readinto(buffer)):
            total += count
            hasher.update(buffer[:count])
            rest = buffer[:count]
            while rest:
                rest = rest[os.write(fileno, rest) :]
            track.at(total)
    actual = f"{layer.digest.algorithm}:{hasher.hexdigest()}"
    if (total, actual) != (layer.size, layer.digest):
        raise IntegrityError(
            f"content of {layer.digest} is damaged", cause=f"got {total} bytes, {actual}"
        )
    track.finish()


def _exists(path: Path) -> Conflict:
    return Conflict(f"{path} exists", hint="--force overwrites it")

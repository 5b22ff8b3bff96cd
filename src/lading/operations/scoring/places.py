"""Where rows come from and go to: files that are opened, and what tells one from another."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lading.errors import Conflict, InvalidInput, LocalFailure, NotFound
from lading.operations.answering.folder import as_path
from lading.operations.answering.models import UNKNOWN
from lading.operations.scoring.wanted import Asked, Place

if TYPE_CHECKING:
    from lading.serving.batch.sinks import Sink
    from lading.serving.model import Model
    from lading.spec.reference import Reference


@contextmanager
def opened(
    given: Place,
) -> Iterator[tuple[str, BinaryIO, int | None, Callable[[], str | None]]]:
    """The input: what it is called, the file, its size, and what tells it from another."""
    if not isinstance(given, (str, Path)):
        yield "standard input", given, None, lambda: None
        return
    try:
        path = Path(given).expanduser()
        file = path.open("rb", buffering=1 << 20)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {given}") from error
    except OSError as error:
        raise LocalFailure(f"cannot read {given}", cause=error.strerror) from error
    except (RuntimeError, ValueError) as error:
        # No such home, or a character that no name has.
        raise InvalidInput(f"{str(given)[:200]!r} is no file", cause=str(error)) from error
    with file:
        first = os.fstat(file.fileno())
        if not stat.S_ISREG(first.st_mode):
            yield str(path), file, None, lambda: None
            return

        def identity() -> str:
            now = os.fstat(file.fileno())
            return f"{path.resolve()}, {now.st_size} bytes, last changed at {now.st_mtime_ns} ns"

        yield str(path), file, first.st_size, identity


def demand_same(source: str, before: str, now: str) -> None:
    """Refuse an input that changed while it was read.

    Raises:
        Conflict: it did.
    """
    if before != now:
        raise Conflict(
            f"{source} changed while it was read", cause=now, hint="--fresh begins anew with it"
        )


def identity_of(model: Model, reference: str | Reference) -> str:
    """What tells a model from another; of a folder without a digest, the state of its files."""
    from lading.serving.batch.part_file import PART

    path = as_path(reference) if isinstance(reference, str) else None
    if model.digest != UNKNOWN or path is None:
        return model.digest
    told = hashlib.sha256()
    for each in sorted(path.rglob("*")):
        # An output may come to be among them.
        if each.is_file() and PART not in each.name:
            found = each.stat()
            told.update(
                f"{each.relative_to(path)}\0{found.st_size}\0{found.st_mtime_ns}\n".encode()
            )
    return f"{path}, whose files are {told.hexdigest()[:16]}"


def sink_for(
    stack: ExitStack, target: Path | BinaryIO, asked: Asked, about: dict[str, str]
) -> Sink:
    """What takes the rows: a file that has its name when it is whole, or a stream.

    Raises:
        Conflict: another run writes it; or what a broken run left is about something else.
        LocalFailure: nobody can write there.
    """
    from lading.serving.batch.file_sink import FileSink
    from lading.serving.batch.sinks import StreamSink

    if not isinstance(target, Path):
        return StreamSink(target, "standard output", asked.rejects)
    if target.exists() and not target.is_file():
        try:
            # Not buffered: what was not taken would be tried again when it is closed.
            stream = stack.enter_context(target.open("wb", buffering=0))
        except OSError as error:
            raise LocalFailure(f"cannot write {target}", cause=error.strerror) from error
        return StreamSink(stream, str(target), asked.rejects)
    return stack.enter_context(
        FileSink(
            target,
            asked.rejects,
            about,
            resumes=bool(about["input"]),
            fresh=asked.fresh,
            force=asked.force,
        )
    )

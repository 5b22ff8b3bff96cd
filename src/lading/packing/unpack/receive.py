"""One layer received: taken apart as it arrives, checked, and gone on with after a crash.

The only place where a stream, a parser and a stage meet. Where the stage lies, and what becomes
of its files, is the caller's matter.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from lading.errors import IntegrityError
from lading.packing.names import RAW_NAME
from lading.packing.unpack.disk import BUFFER_SIZE, disk_errors, disk_failure
from lading.packing.unpack.staging import Stage, TreeWriter, Wanted
from lading.packing.unpack.streams import (
    AHEAD,
    CheckedReader,
    Form,
    Hashing,
    Tee,
    decompressed,
    form_of,
)
from lading.ports import Content, Reader
from lading.spec import mediatypes
from lading.spec.archive import NO_SINK, ArchiveParser, Parser, RawParser
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Hasher
from lading.spec.member_names import safe_title

_RESUMABLE = frozenset({"tar", "raw"})
# Below this a second thread costs more than it saves.
_WORTH_A_THREAD = 8 * 1024 * 1024


class Arrivals:
    """The layers that are being received into one place just now."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._count = 0

    @property
    def is_single(self) -> bool:
        """Whether there is just one: worth a second thread, for its hash."""
        return self._count == 1

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """One of them, as long as this is open."""
        with self._guard:
            self._count += 1
        try:
            yield
        finally:
            with self._guard:
                self._count -= 1


def key_of(descriptor: Descriptor) -> str:
    """The name that a layer is kept under: one for the archive, another for the raw file."""
    raw = form_of(descriptor.media_type) == "raw"
    return descriptor.digest.hex + (".raw" if raw else "")


def title_of(descriptor: Descriptor) -> str | None:
    """The path that the manifest gives the one file of a layer; None where its archive does.

    Raises:
        IntegrityError: a raw file has none, or it is one that may not be used.
    """
    annotations = descriptor.annotations
    if form_of(descriptor.media_type) != "raw":
        # The first releases of modctl put a file's folder into the annotation alone.
        path = annotations.get(mediatypes.CNAI_FILEPATH, "").rstrip("/")
        return safe_title(path) if path else None
    for key in (mediatypes.FILEPATH, mediatypes.CNAI_FILEPATH, mediatypes.TITLE):
        if annotations.get(key):
            return safe_title(annotations[key])
    raise IntegrityError(
        f"layer {descriptor.digest.short} has no file name", cause=f"no {mediatypes.FILEPATH}"
    )


def parser_of(descriptor: Descriptor) -> Parser:
    """What takes this layer's stream apart, below its compression; nobody listens to it yet."""
    form = form_of(descriptor.media_type)
    if form == "raw":
        return RawParser(NO_SINK, RAW_NAME, descriptor.size)
    return ArchiveParser(NO_SINK, descriptor.size if form == "tar" else None)


def receive(
    stage: Stage,
    descriptor: Descriptor,
    content: Content,
    *,
    place: Path,
    wanted: Wanted | None = None,
    beside: Callable[[], bool] = lambda: False,
    hint: str | None = None,
    keep_uncompressed: bool = False,
) -> None:
    """Unpack a layer's content into its stage, which is whole afterwards.

    Goes on where an earlier run was stopped. ``place`` and ``hint`` are what a person is told
    when the disk refuses; ``beside`` says whether to hash in a second thread just now. With
    ``keep_uncompressed`` the frame of a compressed layer tells the digest of its archive.

    Raises:
        IntegrityError: the bytes are not what the descriptor says, or may not be unpacked; the
            stage is gone.
        LocalFailure: the disk is full or may not be written to.
    """
    if content.size != descriptor.size:
        raise IntegrityError(
            f"content of {descriptor.digest} has another size than its descriptor says",
            cause=f"{content.size} bytes instead of {descriptor.size}",
        )
    form = form_of(descriptor.media_type) or "tar"
    pour = _Pour(stage, descriptor, content, form, place=place, wanted=wanted, hint=hint)
    if form in _RESUMABLE and descriptor.size >= _WORTH_A_THREAD:
        pour.beside = beside
    pour.keep_uncompressed = keep_uncompressed and form not in _RESUMABLE
    if form in _RESUMABLE and stage.is_begun:
        # What an earlier run left may be what is damaged: then once more, from the start.
        with contextlib.suppress(IntegrityError):
            if pour.resumed():
                return
    pour.fresh()


class _Pour:
    """One layer's way from its content into its stage."""

    def __init__(
        self,
        stage: Stage,
        descriptor: Descriptor,
        content: Content,
        form: Form,
        *,
        place: Path,
        wanted: Wanted | None,
        hint: str | None,
    ) -> None:
        self._stage = stage
        self._descriptor = descriptor
        self._content = content
        self._form = form
        self._place = place
        self._wanted = wanted
        self._hint = hint
        self.beside: Callable[[], bool] = lambda: False
        self.keep_uncompressed = False

    def resumed(self) -> bool:
        """Go on with what is there; False where that cannot be done.

        Raises:
            IntegrityError: it was gone on with and turned out wrong.
        """
        parser, hasher = parser_of(self._descriptor), self._descriptor.digest.hasher()
        with self._disk():
            writer = self._stage.resume(parser, hasher, self._wanted)
        if writer is None:
            return False
        self._run(parser, hasher, writer)
        return True

    def fresh(self) -> None:
        """Start at the first byte.

        Raises:
            IntegrityError: the bytes are wrong; the stage is gone.
        """
        with self._disk():
            self._stage.begin()
            writer = self._stage.writer(self._wanted)
        try:
            self._run(parser_of(self._descriptor), self._descriptor.digest.hasher(), writer)
        except BaseException as error:
            if isinstance(error, IntegrityError) or self._form not in _RESUMABLE:
                with contextlib.suppress(OSError):
                    self._stage.discard()
            raise

    def _run(self, parser: Parser, hasher: Hasher, writer: TreeWriter) -> None:
        parser.sink = writer
        try:
            with Hashing(hasher, self.beside) as hashing:
                self._read(parser, hashing, writer)
            with self._disk():
                parser.finish()
        finally:
            writer.close()
        with self._disk():
            self._stage.finish()

    def _read(self, parser: Parser, hashing: Hashing, writer: TreeWriter) -> None:
        with contextlib.ExitStack() as stack:
            offset, reader = parser.offset, None
            if offset < self._descriptor.size:
                reader = stack.enter_context(self._content.open(offset))
            checked = CheckedReader(reader, self._descriptor, hashing, offset)
            archive = decompressed(checked, self._form)
            if self.keep_uncompressed:
                tee = Tee(archive)
                self._pump(tee, parser, writer, hashing)
                self._stage.note_uncompressed(tee.digest)
            else:
                self._pump(archive, parser, writer, hashing)
            checked.finish()

    def _pump(self, reader: Reader, parser: Parser, writer: TreeWriter, hashing: Hashing) -> None:
        size = min(BUFFER_SIZE, self._descriptor.size + 1)
        size = size if self._form in _RESUMABLE else BUFFER_SIZE
        buffers = _ring(size)
        buffer = next(buffers)
        while received := reader.readinto(buffer):
            try:
                parser.feed(buffer[:received])
            except OSError as error:
                place = self._place if self._form == "raw" else self._place / writer.current
                raise disk_failure(error, place, hint=self._hint) from error
            if hashing.is_behind:
                buffer = next(buffers)

    def _disk(self) -> contextlib.AbstractContextManager[None]:
        return disk_errors(self._place, hint=self._hint)


def _ring(size: int) -> Iterator[memoryview]:
    """Buffers, each of them again when it is no longer being hashed; made when they are needed,
    since without a second thread the first one is enough."""
    made: list[memoryview] = []
    for _ in range(AHEAD + 1):
        made.append(memoryview(bytearray(size)))
        yield made[-1]
    yield from cycle(made)

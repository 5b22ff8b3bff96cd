"""The few verbs every store speaks. No implementations.

A store is whatever has these methods. What only some can do hangs on optional protocols, which
:mod:`lading.transfer` finds by ``isinstance``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest


class Reader(Protocol):
    """A stream of bytes."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill some of the buffer and say how much; 0 only at the end."""
        ...


class Content(Protocol):
    """Bytes that can be opened again from any offset, so that a retry is always safe."""

    @property
    def size(self) -> int:
        """How many bytes there are in all."""
        ...

    def open(self, offset: int = 0) -> AbstractContextManager[Reader]:
        """A reader from that offset on."""
        ...


class Window(Protocol):
    """Bytes that are looked into here and there, near or far."""

    @property
    def size(self) -> int:
        """How many bytes there are in all."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes from there on: as many as were asked for, fewer only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A stretch of an open file, for the kernel to send by itself."""

    fileno: int
    offset: int
    length: int


@runtime_checkable
class Segmented(Protocol):
    """Content made of bytes in memory and of stretches of files."""

    def segments(self, offset: int = 0) -> Iterator[bytes | FileSlice]:
        """The pieces from that offset on; a file stays open until the next piece is asked for."""
        ...


@runtime_checkable
class Keyed(Protocol):
    """Content that can be known again before its digest is."""

    @property
    def key(self) -> str:
        """Equal keys mean equal bytes."""
        ...


class Source(Protocol):
    """Where content comes from."""

    def resolve(self, name: str) -> Descriptor:
        """What a tag, or a manifest's digest, names.

        Raises:
            NotFound: nothing has that name.
        """
        ...

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
        """The bytes of some content, not yet verified.

        Raises:
            NotFound: the content is not here.
        """
        ...


class Target(Protocol):
    """Where content goes."""

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether this content is here, whole."""
        ...

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Store content; with a name (manifests only) in the same step.

        Pushing what is here already is no error. Nothing is visible before it is whole and
        its digest is right.

        Raises:
            IntegrityError: the content is not what the descriptor says.
        """
        ...


class Store(Source, Target, Protocol):
    """Both ends."""


@runtime_checkable
class Lister(Protocol):
    """A store that can list its names."""

    def names(self) -> Iterable[str]:
        """Every tag, each once, in no promised order; empty where nothing was pushed."""
        ...


@runtime_checkable
class Deleter(Protocol):
    """A store that can forget."""

    def untag(self, name: str) -> None:
        """Forget a name; content that other names reach stays.

        Raises:
            NotFound: nothing has that name.
            Unsupported: this registry cannot.
        """
        ...


@runtime_checkable
class Referrers(Protocol):
    """A store that knows what refers to what.

    A manifest with a subject becomes its referrer when it is pushed.
    """

    def referrers(
        self, subject: Descriptor, artifact_type: str | None = None
    ) -> Iterable[Descriptor]:
        """The manifests whose subject this is."""
        ...


@runtime_checkable
class ReferrerList(Protocol):
    """A store that can say what refers to what without looking at each of them."""

    def listed_referrers(self, subject: Descriptor) -> Iterable[Descriptor]:
        """What is said to refer to this: claims, for who looks at each manifest anyway."""
        ...


@runtime_checkable
class Absorber(Protocol):
    """A target that takes content before its digest is known: hashed while it travels."""

    def absorb(self, content: Content, media_type: str) -> Descriptor:
        """Store content and say what it was.

        Raises:
            Unsupported: this target cannot after all; nothing was lost, push it instead.
        """
        ...


@runtime_checkable
class RangeReader(Protocol):
    """A source that stops where it is told to: what comes after is never sent."""

    def fetch_range(
        self, descriptor: Descriptor, offset: int, length: int
    ) -> AbstractContextManager[Reader]:
        """So many bytes of some content from an offset on, fewer only at its end; not verified.

        Raises:
            NotFound: the content is not here.
            Unsupported: only by sending a great deal more than was asked for.
        """
        ...


@runtime_checkable
class BlobReader(Protocol):
    """A source that gives small content of which only the digest is known."""

    def read_blob(self, digest: Digest, limit: int) -> bytes:
        """The content, whole and verified.

        Raises:
            NotFound: it is not here.
            InvalidInput: it is larger than the limit.
            IntegrityError: it is not what its digest says.
        """
        ...


@runtime_checkable
class Doubtable(Protocol):
    """A source that asks more than one place, and learns from its reader which one was wrong."""

    def doubt(self, descriptor: Descriptor) -> bool:
        """What was fetched for this was not what its digest says: whether to fetch it again.

        Says so finitely often: each time a place less is asked, or in another way.
        """
        ...


@runtime_checkable
class Mounter(Protocol):
    """A target that can take content from a sibling without moving bytes."""

    def mount(self, descriptor: Descriptor, source: Source) -> bool:
        """Take content from there; False where that cannot be done."""
        ...


@runtime_checkable
class Keeper(Protocol):
    """A store that must be asked to keep the children of what is tagged."""

    def keep(self, children: Iterable[tuple[Descriptor, bytes]], names: Collection[str]) -> None:
        """See to it that garbage collection spares these manifests; ``names`` are there already."""
        ...

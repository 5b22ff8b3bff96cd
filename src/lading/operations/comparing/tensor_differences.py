"""Which tensors differ between two versions: by type and shape, then by their bytes.

Bytes are compared as they arrive, and no further than the first difference: of two tensors that
were trained apart a few kilobytes tell. Tensors of a file that both versions have are not read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from lading.errors import IntegrityError, InvalidInput, Unsupported
from lading.operations.open import is_safetensors
from lading.operations.tensors import LazyTensor, by_name

if TYPE_CHECKING:
    from lading.operations.open import Opened

Status = Literal["added", "removed", "changed", "same", "unknown"]

_ByName = Mapping[str, LazyTensor]

GIB: Final = 1024 * 1024 * 1024
READ_LIMIT: Final = 2 * GIB
_FIRST: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class TensorChange:
    """A tensor by name; unknown where the limit of what is read was reached before it."""

    name: str
    status: Status
    before: str | None
    after: str | None
    bytes: int


@dataclass(frozen=True, slots=True)
class TensorDifferences:
    """All tensors of both versions, how much was read for it, and what could not be read."""

    changes: tuple[TensorChange, ...]
    read: int
    notes: tuple[str, ...]


def tensor_differences(
    a: Opened, b: Opened, same: frozenset[str], *, limit: int = READ_LIMIT, jobs: int = 4
) -> TensorDifferences:
    """The tensors of two versions; files named in ``same`` are the same in both."""
    with ThreadPoolExecutor(jobs) as pool:
        shared = _headers(a, same, pool)
        left = _headers(a, _paths(a) - same, pool)
        right = _headers(b, _paths(b) - same, pool)
        before = by_name((*shared.tensors, *left.tensors))
        after = by_name((*shared.tensors, *right.tensors))
        notes = [*shared.notes, *left.notes, *right.notes]
        return _settled(before, after, same, budget=_Budget(limit), pool=pool, notes=notes)


def _settled(
    before: _ByName,
    after: _ByName,
    same: frozenset[str],
    *,
    budget: _Budget,
    pool: ThreadPoolExecutor,
    notes: list[str],
) -> TensorDifferences:
    settled: dict[str, TensorChange] = {}
    waiting: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        status = _told(before.get(name), after.get(name), same)
        if status is None:
            waiting.append(name)
        else:
            settled[name] = _change(name, status, before, after)
    # The smallest first: most answers for the bytes that may be read.
    waiting.sort(key=lambda name: before[name].nbytes)
    found = pool.map(lambda name: _compared(before[name], after[name], budget), waiting)
    for name, verdict in zip(waiting, found, strict=True):
        settled[name] = _change(name, verdict, before, after)
    if unknown := sum(change.status == "unknown" for change in settled.values()):
        notes.append(
            f"{unknown} of {len(settled)} tensors were not compared to their end: no more than"
            f" {budget.limit:,} bytes are read"
        )
    ordered = tuple(settled[name] for name in sorted(settled))
    return TensorDifferences(ordered, budget.used, tuple(notes))


class _Budget:
    """How much may still be read; shared by many threads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._lock = threading.Lock()

    @property
    def is_spent(self) -> bool:
        return self.used >= self.limit

    def spend(self, count: int) -> None:
        with self._lock:
            self.used += count


@dataclass(frozen=True, slots=True)
class _Headers:
    """The tensors of some files, and which of the files could not be read."""

    tensors: tuple[LazyTensor, ...]
    notes: tuple[str, ...]


def _paths(version: Opened) -> frozenset[str]:
    return frozenset(entry.path for entry in version.files)


def _headers(version: Opened, paths: frozenset[str], pool: ThreadPoolExecutor) -> _Headers:
    wanted = [e.path for e in version.files if e.path in paths and is_safetensors(e)]
    found = list(pool.map(lambda path: _header(version, path), wanted))
    return _Headers(
        tuple(tensor for each in found if not isinstance(each, str) for tensor in each),
        tuple(each for each in found if isinstance(each, str)),
    )


def _header(version: Opened, path: str) -> tuple[LazyTensor, ...] | str:
    try:
        return version.tensors_of(path)
    except (InvalidInput, IntegrityError, Unsupported) as error:
        return f"the tensors of {path} in {version.reference} are unknown: {error}"


def _told(a: LazyTensor | None, b: LazyTensor | None, same: frozenset[str]) -> Status | None:
    """What can be said without reading; None where only the bytes tell."""
    if a is None or b is None:
        return "added" if a is None else "removed"
    if _kind(a) != _kind(b) or a.nbytes != b.nbytes:
        return "changed"
    return "same" if (a.file == b.file and a.file in same) or not a.nbytes else None


def _compared(a: LazyTensor, b: LazyTensor, budget: _Budget) -> Status:
    left = a.nbytes
    for mine, yours in zip(_pieces(a, budget), _pieces(b, budget), strict=False):
        if mine != yours:
            return "changed"
        left -= len(mine)
    return "unknown" if left else "same"


def _pieces(tensor: LazyTensor, budget: _Budget) -> Iterator[bytes]:
    """The bytes of a tensor, until no more may be read."""
    pieces = tensor.pieces(_FIRST)
    while not budget.is_spent and (piece := next(pieces, None)):
        budget.spend(len(piece))
        yield piece


def _change(name: str, status: Status, before: _ByName, after: _ByName) -> TensorChange:
    a, b = before.get(name), after.get(name)
    return TensorChange(
        name,
        status,
        _kind(a) if a else None,
        _kind(b) if b else None,
        max(each.nbytes for each in (a, b) if each),
    )


def _kind(tensor: LazyTensor) -> str:
    return f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]"

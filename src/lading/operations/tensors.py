"""Tensors of a version, each read when it is asked for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lading.errors import Unsupported
from lading.spec.digest import Digest
from lading.transfer.window import AheadWindow, pieces

if TYPE_CHECKING:
    import numpy

    from lading.ports import Window

# The header of a model of ordinary size comes with the first request.
_AHEAD: Final = 64 * 1024

# Types that numpy knows by the names that are used here; the others are ml_dtypes'.
_NUMPY: Final = frozenset(
    {
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64"),
    }
)
_ML_DTYPES: Final[Mapping[str, str]] = {
    "bfloat16": "bfloat16",
    "f8_e4m3": "float8_e4m3fn",
    "f8_e5m2": "float8_e5m2",
    "f8_e8m0": "float8_e8m0fnu",
    "f8_e4m3fnuz": "float8_e4m3fnuz",
    "f8_e5m2fnuz": "float8_e5m2fnuz",
}


# The tensor's own method hides the type inside its class.
_Bytes = bytes


@dataclass(frozen=True, slots=True)
class LazyTensor:
    """A tensor in a file of a version. Its bytes are not verified: they are a part of a layer."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    file: str
    window: Window = field(repr=False, compare=False)
    offset: int = field(repr=False, compare=False)

    def bytes(self) -> bytes:
        """The bytes as they are in the file, by one ranged read where they are far away."""
        return b"".join(pieces(self.window, self.offset, self.nbytes, first=max(1, self.nbytes)))

    def pieces(self, first: int) -> Iterator[_Bytes]:
        """The bytes in order, the first so many of them first."""
        return pieces(self.window, self.offset, self.nbytes, first=first)

    def digest(self) -> Digest:
        """The sha256 of the bytes, which are read for it but not kept."""
        hasher = hashlib.sha256()
        for piece in pieces(self.window, self.offset, self.nbytes):
            hasher.update(piece)
        return Digest.finish(hasher)

    def numpy(self) -> numpy.ndarray[Any, Any]:
        """The tensor as an array.

        Raises:
            Unsupported: numpy is not installed, or has no such type and ml_dtypes is not either.
        """
        try:
            import numpy
        except ImportError as error:
            raise Unsupported(
                "numpy is not installed", hint="pip install numpy; .bytes() works without it"
            ) from error
        # The format's numbers have the little end first, whatever this machine has.
        kind = numpy.dtype(self._numpy_type()).newbyteorder("<")
        return numpy.frombuffer(self.bytes(), dtype=kind).reshape(self.shape)

    def _numpy_type(self) -> Any:
        if self.dtype in _NUMPY:
            return self.dtype
        what = f"numpy has no type for {self.dtype}, which {self.name!r} is"[:300]
        if self.dtype not in _ML_DTYPES:
            raise Unsupported(what, hint=".bytes() gives it as it is")
        try:
            import ml_dtypes
        except ImportError as error:
            raise Unsupported(what, hint="pip install ml_dtypes, or use .bytes()") from error
        return getattr(ml_dtypes, _ML_DTYPES[self.dtype])


def of_file(path: str, window: Window) -> tuple[LazyTensor, ...]:
    """The tensors of a safetensors file, from its header.

    Raises:
        InvalidInput: the header is none.
    """
    from lading.formats.safetensors import header

    found = header(AheadWindow(window, _AHEAD))
    return tuple(
        LazyTensor(name, entry.dtype, tuple(entry.shape), entry.length, path, window, entry.offset)
        for name, entry in found.tensors.items()
    )


def by_name(tensors: Iterable[LazyTensor]) -> dict[str, LazyTensor]:
    """Tensors by name; a name that several files have is ``file:name`` in each."""
    everything = tuple(tensors)
    counts = Counter(tensor.name for tensor in everything)
    return {
        tensor.name if counts[tensor.name] == 1 else f"{tensor.file}:{tensor.name}": tensor
        for tensor in everything
    }

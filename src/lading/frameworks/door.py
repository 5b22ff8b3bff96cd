"""Whatever a framework raises becomes one of Lading's errors, once, here.

Frameworks raise nearly every class there is for a file that does not fit. ``Exception`` itself is
not caught: errors of a framework's own that inherit from nothing nearer are named by its adapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lading.errors import InvalidInput, LocalFailure, Unsupported

_LONGEST: Final = 500
RAISED: Final[tuple[type[Exception], ...]] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    RuntimeError,  # RecursionError and NotImplementedError, too
    TypeError,
    ValueError,
)


@contextmanager
def saving(framework: str, *own: type[Exception]) -> Iterator[None]:
    """Where a framework writes a model.

    Raises:
        InvalidInput: it cannot write this one.
        LocalFailure: the disk or the memory is in the way.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        raise LocalFailure(f"{framework} cannot write the model", cause=_said(error)) from error
    except (*RAISED, *_orphans(), *own) as error:
        hint = "functions and classes must have a name in a module: no lambdas, nothing local"
        pickling = "ickl" in type(error).__name__ or "pickle" in str(error)
        raise InvalidInput(
            f"{framework} cannot save this model",
            cause=_said(error),
            hint=hint if pickling else None,
        ) from error


@contextmanager
def loading(framework: str, *own: type[Exception]) -> Iterator[None]:
    """Where a framework reads a model.

    Raises:
        Unsupported: the one that is installed cannot read these files.
        LocalFailure: a file is not there or cannot be read, or the memory is too small.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        raise LocalFailure(f"{framework} cannot read the model", cause=_said(error)) from error
    except (*RAISED, *_orphans(), *own) as error:
        raise Unsupported(
            f"{framework} cannot load this model",
            cause=_said(error),
            hint="compare the installed packages with those the model was made with",
        ) from error


class predicting:  # noqa: N801  used as the two above; a generator costs more than some models
    """Where a model answers.

    Raises:
        InvalidInput: it does not take this input.
    """

    __slots__ = ("_framework", "_own")

    def __init__(self, framework: str, *own: type[Exception]) -> None:
        self._framework = framework
        self._own = own

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """What the framework raised becomes Lading's error."""
        if error is not None and isinstance(error, (*RAISED, *self._own)):
            raise InvalidInput(
                f"the {self._framework} model does not answer this input", cause=_said(error)
            ) from error


def _orphans() -> tuple[type[Exception], ...]:
    """Errors of Python's own modules that inherit from Exception alone; asked when one is there."""
    from lzma import LZMAError
    from pickle import PickleError
    from struct import error as struct_error
    from zipfile import BadZipFile
    from zlib import error as zlib_error

    return (BadZipFile, LZMAError, PickleError, struct_error, zlib_error)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:_LONGEST]

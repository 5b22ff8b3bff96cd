"""Reading back what an adapter wrote down: it came out of a registry, and may be anybody's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput

if TYPE_CHECKING:
    from lading.spec.part import Json

_LONGEST: Final = 512


def text(how: Mapping[str, Json], name: str, default: str) -> str:
    """A short text.

    Raises:
        InvalidInput: it is something else.
    """
    value = how.get(name, default)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise InvalidInput(f"the document says {name!r} in a way that no adapter writes")
    return value


def choice(how: Mapping[str, Json], name: str, default: str, known: Collection[str]) -> str:
    """One of the words that this adapter knows.

    Raises:
        InvalidInput: it is another.
    """
    value = text(how, name, default)
    if value not in known:
        raise InvalidInput(
            f"the document says {name} {value!r}",
            cause=f"this adapter knows {', '.join(sorted(known))}",
            hint="a newer Lading may know more",
        )
    return value


def values(how: Mapping[str, Json], name: str) -> dict[str, Json]:
    """An object; empty where there is none.

    Raises:
        InvalidInput: it is something else.
    """
    value = how.get(name, {})
    if not isinstance(value, dict):
        raise InvalidInput(f"the document says {name!r} in a way that no adapter writes")
    return value

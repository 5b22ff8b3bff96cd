"""What a person says about a version, as opposed to what is found out about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lading.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The values that a person gave; what is None or empty was not given.

    Raises:
        InvalidInput: a value is of another type, or is no text that can be written down.
    """

    name: str | None = None
    version: str | None = None
    description: str | None = None
    authors: Sequence[str] = ()
    licenses: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("authors", "licenses"):
            values = getattr(self, what)
            if isinstance(values, str):
                raise InvalidInput(
                    f"{what} is one text instead of several", hint=f"{what}=[{values!r}]"
                )
            object.__setattr__(self, what, tuple(values))
        if not isinstance(self.tags, Mapping):
            raise InvalidInput("tags is no mapping", hint='tags={"task": "chat"}')
        object.__setattr__(self, "tags", dict(sorted(self.tags.items(), key=str)))
        for what, value in self._texts():
            _check(what, value)

    def _texts(self) -> Iterator[tuple[str, object]]:
        for what in ("name", "version", "description"):
            if getattr(self, what) is not None:
                yield what, getattr(self, what)
        yield from (("an author", value) for value in self.authors)
        yield from (("a license", value) for value in self.licenses)
        for key, value in self.tags.items():
            yield "a tag's key", key
            yield f"tag {key}", value


def _check(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is not text", cause=f"got {type(value).__name__}")
    if not value.strip() and what != "description":
        raise InvalidInput(f"{what} is empty")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} is not UTF-8: {value[:80]!r}") from error

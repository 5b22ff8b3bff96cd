"""Who is who: actors and authors are ``Name <email>``, a name or an address, as claimed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

_BOTH = re.compile(r"([^<>]*)<([^<>]*)>\s*")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as far as a text tells."""

    name: str
    email: str

    @classmethod
    def of(cls, text: str) -> Person:
        """The person that a text names; capitals, spaces and forms of letters make no other."""
        line = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        if match := _BOTH.fullmatch(line):
            return cls(match[1].strip(), match[2].strip())
        return cls("", line) if "@" in line and " " not in line else cls(line, "")

    @property
    def identity(self) -> str:
        """What surely is the same person: the address, else the name."""
        return self.email or self.name


@dataclass(slots=True)
class People:
    """Some people. Whoever shares a name or an address with one of them is taken for one."""

    _names: set[str] = field(default_factory=set)
    _emails: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, texts: Iterable[str]) -> People:
        """Those whom some texts name."""
        people = cls()
        for text in texts:
            people.add(Person.of(text))
        return people

    def __contains__(self, person: Person) -> bool:
        return person.name in self._names or person.email in self._emails

    def add(self, person: Person) -> None:
        """One more; a name or an address that is not told says nothing."""
        self._names |= {person.name} - {""}
        self._emails |= {person.email} - {""}

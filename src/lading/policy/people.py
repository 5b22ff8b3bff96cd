"""Who is who: actors and authors are ``Name <email>``, a name or an address, as claimed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_BRACKETS: Final = str.maketrans(dict.fromkeys("<>()[],;:\"'", " "))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as far as a text tells."""

    name: str
    emails: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Person:
        """The person that a text names; capitals, spaces and forms of letters make no other."""
        # Twice: some letters fold into what is written in another form again.
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        words = folded.translate(_BRACKETS).split()
        emails = frozenset(word for word in words if "@" in word.strip("@"))
        return cls(" ".join(word for word in words if word not in emails), emails)

    @property
    def identity(self) -> str:
        """What surely is the same person: the address, else the name."""
        return min(self.emails, default=self.name)


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
        return person.name in self._names or not self._emails.isdisjoint(person.emails)

    def __bool__(self) -> bool:
        return bool(self._names or self._emails)

    def add(self, person: Person) -> None:
        """One more; a name that is not told says nothing."""
        self._names |= {person.name} - {""}
        self._emails |= person.emails

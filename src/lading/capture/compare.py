"""A recorded environment held against the one that runs. Pure.

Whether a difference matters is a rule of thumb, and each answer says which: what the model uses
itself may not differ in its first two numbers, the rest not in its first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from lading.spec.machines import machine_of
from lading.spec.packages import normalised

if TYPE_CHECKING:
    from packaging.version import Version

    from lading.spec.environment import Environment, Host, Python

State = Literal["equal", "differs", "missing"]

_PIN: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*===?\s*([^\s;,]+)")
_YEARS: Final = range(1980, 2200)
_WORD_SIZES: Final = {"i386": 32, "i686": 32, "x86": 32, "armv7l": 32, "armv6l": 32}


@dataclass(frozen=True, slots=True)
class Running:
    """The environment that runs: versions by normalised name."""

    python: Python
    platform: Host
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing as it was recorded and as it is now."""

    name: str
    recorded: str | None
    running: str | None
    state: State
    matters: bool
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was recorded, each thing with what it is now."""

    packages: tuple[Difference, ...]
    python: Difference | None
    platform: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Difference, ...]:
        """Packages, Python and platform together."""
        return (*self.packages, *([self.python] if self.python else ()), *self.platform)

    @property
    def matters(self) -> bool:
        """Whether the model is likely not to work, or to work differently."""
        return any(difference.matters for difference in self.all)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return all(difference.state == "equal" for difference in self.all)


def compare(recorded: Environment, running: Running) -> Comparison:
    """Every recorded package, Python and platform, and how it differs now."""
    direct = frozenset(map(normalised, recorded.direct))
    versions = {normalised(name): version for name, version in running.versions.items()}
    pins, notes = _pins(recorded.requirements)
    packages = (
        _package(name, pin, versions.get(name), name in direct) for name, pin in pins.items()
    )
    platform = _platform(recorded.platform, running.platform) if recorded.platform else ()
    return Comparison(
        packages=tuple(packages),
        python=_python(recorded.python, running.python) if recorded.python else None,
        platform=tuple(platform),
        notes=notes,
    )


def _pins(requirements: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Versions by name, sorted; and a note for what pins nothing."""
    found: dict[str, str] = {}
    unread: list[str] = []
    for requirement in requirements:
        pin = requirement.partition(";")[0].strip()
        match = _PIN.fullmatch(re.sub(r"\[[^\]]*\]", "", pin, count=1))
        if match:
            found.setdefault(normalised(match[1]), match[2])
        else:
            unread.append(f"{requirement[:80]!r} pins no version, and was not compared")
    return dict(sorted(found.items())), tuple(unread[:20])


def _package(name: str, recorded: str, running: str | None, direct: bool) -> Difference:
    if running is None:
        return Difference(name, recorded, None, "missing", True, "it is not installed")
    old, new = _version(recorded), _version(running)
    if old is None or new is None:
        if recorded == running:
            return Difference(name, recorded, running, "equal", False)
        why = "its versions cannot be compared"
        return Difference(name, recorded, running, "differs", direct, why)
    if old == new:
        return Difference(name, recorded, running, "equal", False)
    matters, why = _weight(old, new, direct)
    return Difference(name, recorded, running, "differs", matters, why)


def _weight(old: Version, new: Version, direct: bool) -> tuple[bool, str]:
    """Whether a difference matters, and the rule that says so."""
    if old.public == new.public:
        return False, "only the local label differs"
    if old.epoch != new.epoch or _is_dated(old) != _is_dated(new):
        return True, "its versions are counted in another way"
    if direct and (old.major, old.minor) == (new.major, new.minor):
        return False, "the major and minor version are the same"
    if direct:
        which = "major" if old.major != new.major else "minor"
        return True, f"the model needs it itself, and the {which} version differs"
    if _is_dated(old):
        return False, "its version is a date, and the model does not need it itself"
    matters = old.major != new.major
    return matters, "the major version differs" if matters else "the major version is the same"


def _is_dated(version: Version) -> bool:
    return version.major in _YEARS


@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text) if len(text) <= 200 else None
    except (InvalidVersion, ValueError):
        return None


def _python(recorded: Python, running: Python) -> Difference:
    old, new = recorded.version, running.version
    kind = recorded.implementation
    if kind and running.implementation and kind != running.implementation:
        shown = (f"{kind} {old}", f"{running.implementation} {new}")
        return Difference("python", *shown, "differs", True, "it is another implementation")
    if old.split(".")[:2] != new.split(".")[:2]:
        return Difference("python", old, new, "differs", True, "the minor version differs")
    if recorded.abi and running.abi and recorded.abi != running.abi:
        shown = (f"{old} ({recorded.abi})", f"{new} ({running.abi})")
        return Difference("python", *shown, "differs", True, "compiled packages are built for one")
    if old != new:
        return Difference("python", old, new, "differs", False, "only the patch version differs")
    return Difference("python", old, new, "equal", False)


def _platform(recorded: Host, running: Host) -> Iterator[Difference]:
    if recorded.system:
        same = recorded.system == running.system
        why = "packages are built for each system, and may round differently"
        yield _thing("system", (recorded.system, running.system), same, why)
    if recorded.machine:
        old, new = machine_of(recorded.machine), machine_of(running.machine or "")
        size = _WORD_SIZES.get(old, 64) != _WORD_SIZES.get(new, 64)
        why = "results may differ in their last digits"
        if size:
            why = "the processor's word has another size: saved objects may not load"
        shown = (recorded.machine, running.machine)
        yield _thing("machine", shown, old == new, why, matters=size)
    if recorded.libc and running.system == recorded.system:
        kind = recorded.libc.partition(" ")[0] != (running.libc or "").partition(" ")[0]
        why = "compiled packages are built for one of them" if kind else "packages bring their own"
        shown = (recorded.libc, running.libc)
        yield _thing("libc", shown, recorded.libc == running.libc, why, matters=kind)


def _thing(
    name: str, shown: tuple[str, str | None], same: bool, why: str, *, matters: bool = False
) -> Difference:
    if same:
        return Difference(name, *shown, "equal", False)
    return Difference(name, *shown, "differs", matters, why)

"""What a model needs to run, captured: interpreter, machine, accelerator, and a lock of packages.

A lock that the project has is taken as it is; else what is installed is, as far as the model
truly needs it. Nothing is imported, nothing is asked of an index unless somebody wants hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.capture.accelerator import accelerator
from lading.capture.closure import closure
from lading.capture.imports import imports
from lading.capture.installed import Distribution
from lading.capture.interpreter import Interpreter
from lading.capture.lock import pylock
from lading.capture.lock.locked import Archive, Directory, Locked, Package, in_order
from lading.capture.lock.locked import with_hashes as with_known_hashes
from lading.capture.lock.project import ProjectLock, project_lock
from lading.capture.origin import package_of
from lading.capture.platform import host
from lading.spec.packages import normalised

if TYPE_CHECKING:
    from lading.spec.environment import Environment, Lock

# The code that saves a model imports it; the model does not need it.
_OWN = "lading"


@dataclass(frozen=True, slots=True)
class CapturedEnvironment:
    """What was found: for the document, for the file beside it, and what was not found."""

    environment: Environment
    lock: bytes | None
    source: str | None
    notes: tuple[str, ...]
    packages: int = 0
    hashed: bool = False

    def lock_facts(self, path: str) -> Lock | None:
        """What a document says of the lock, as the file ``path`` of the version."""
        if self.lock is None:
            return None
        return _lock(self.lock, path, self.source, packages=self.packages, hashed=self.hashed)


def capture(
    *,
    roots: Iterable[str],
    code: Iterable[Path] = (),
    project: Path,
    interpreter: Path | None = None,
    resolve_hashes: bool = False,
) -> CapturedEnvironment:
    """What the modules or distributions named, and the code's imports, need to run.

    ``lock`` is a ``pylock.toml`` and ``source`` what it was made from; the caller stores the one
    and says so in the environment (``lock_facts``).

    Raises:
        InvalidInput: the interpreter is none.
    """
    python = Interpreter.of(interpreter)
    imported = imports(code)
    direct, unknown = _direct(python, roots, imported.modules, project)
    found = closure(direct, lambda name: _needs(python, name), python.markers)
    installed, unversioned = _installed(python, found.names, project)
    # The project itself is in no lock of its own.
    own = {name for name, package in installed.items() if _is_project(package)}
    known, unread = project_lock(
        project,
        direct=direct.keys() - own,
        versions=_versions(python, installed),
        markers=python.markers,
    )
    if known and not known.missing:
        chosen = _Chosen(known.source, known.locked, known.here, known.notes)
    else:
        chosen = _of_installed(python, installed, known, resolve_hashes)
        unread += (*found.notes, *unversioned)
    # Of what is installed and locked, the model was made with what is installed.
    packages = {**chosen.here, **installed}
    environment = _environment(python, direct, packages, installed)
    lock = pylock.write(chosen.locked) if chosen.locked.packages else None
    source = chosen.source if lock else None
    notes = (*imported.notes, *unknown, *unread, *chosen.notes, *_remarks(packages))
    return CapturedEnvironment(
        environment,
        lock,
        source,
        tuple(dict.fromkeys(notes)),
        packages=len(chosen.locked.packages),
        hashed=chosen.locked.is_hashed,
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The lock that counts, and those of its packages that count here."""

    source: str
    locked: Locked
    here: Mapping[str, Package]
    notes: tuple[str, ...]


def _environment(
    python: Interpreter,
    direct: Iterable[str],
    packages: Mapping[str, Package],
    installed: Mapping[str, Package],
) -> Environment:
    from lading.spec.environment import Environment

    running = _versions(python, installed)
    pins = {name: running.get(name) or packages[name].version for name in sorted(packages)}
    return Environment(
        python=python.python,
        platform=host(python.markers),
        requirements=tuple(f"{name}=={version}" for name, version in pins.items() if version),
        direct=tuple(sorted(direct)),
        unindexed=tuple(name for name in sorted(packages) if packages[name].origin),
        accelerator=accelerator(running, python.markers),
    )


def _versions(python: Interpreter, installed: Mapping[str, Package]) -> dict[str, str]:
    """The version of every distribution: the metadata's word where it was read."""
    read = {name: package.version for name, package in installed.items() if package.version}
    return {**python.installed.versions(), **read}


def lock_facts(raw: bytes, path: str, source: str | None) -> Lock:
    """What a document says of a lock that is the file ``path`` of its version.

    Raises:
        InvalidInput: the bytes are no ``pylock.toml``.
    """
    locked = pylock.read(raw, path)
    return _lock(raw, path, source, packages=len(locked.packages), hashed=locked.is_hashed)


def _lock(raw: bytes, path: str, source: str | None, *, packages: int, hashed: bool) -> Lock:
    from lading.spec.environment import Lock

    digest = hashlib.sha256(raw).hexdigest()
    return Lock(path=path, sha256=digest, packages=packages, hashed=hashed, source=source)


def _direct(
    python: Interpreter, roots: Iterable[str], modules: Iterable[str], project: Path
) -> tuple[dict[str, frozenset[str]], list[str]]:
    """The distributions that are needed by name, each with its extras."""
    found: dict[str, frozenset[str]] = {}
    notes: list[str] = []
    for root in dict.fromkeys(roots):
        name, bracket, rest = root.partition("[")
        extras = frozenset(map(normalised, rest.rstrip("]").split(","))) if bracket else frozenset()
        distributions = _named(python, name.strip())
        for each in distributions:
            found[each.name] = found.get(each.name, frozenset[str]()) | extras
        if not distributions:
            notes.append(f"the model needs {name.strip()[:200]}, which is not installed")
    absent = set()
    for module in modules:
        top = module.partition(".")[0]
        distributions = () if top == _OWN else python.installed.providing(module)
        found.update({each.name: found.get(each.name, frozenset()) for each in distributions})
        if not distributions and top != _OWN and not _is_local(project, top):
            absent.add(top)
    notes += [f"the code imports {top}, which is not installed" for top in sorted(absent)]
    return found, notes


def _named(python: Interpreter, name: str) -> tuple[Distribution, ...]:
    """What a module comes with; else the distribution of that name."""
    importable = all(part.isidentifier() for part in name.split("."))
    found = python.installed.providing(name) if importable else ()
    alone = python.installed.find(name)
    return found or ((alone,) if alone else ())


def _is_local(project: Path, module: str) -> bool:
    """Whether a module is the project's own."""
    places = (project / module, project / "src" / module)
    return any(place.is_dir() or place.with_name(module + ".py").is_file() for place in places)


def _needs(python: Interpreter, name: str) -> tuple[str, ...] | None:
    distribution = python.installed.find(name)
    return distribution.requires if distribution else None


def _installed(
    python: Interpreter, names: Iterable[str], project: Path
) -> tuple[dict[str, Package], list[str]]:
    """Installed distributions as packages, and notes of those that say too little."""
    packages: dict[str, Package] = {}
    notes: list[str] = []
    for name in names:
        distribution = python.installed.find(name)
        package = package_of(distribution, project) if distribution else None
        if package is None:
            notes.append(f"{name} is installed and does not say its version")
        else:
            packages[name] = package
    return packages, notes


def _is_project(package: Package) -> bool:
    return isinstance(package.origin, Directory) and package.origin.path == "."


def _of_installed(
    python: Interpreter,
    installed: Mapping[str, Package],
    known: ProjectLock | None,
    resolve_hashes: bool,
) -> _Chosen:
    """What is installed as a lock, for this system and Python alone."""
    notes: list[str] = []
    packages = tuple(installed.values())
    if known:
        notes.append(
            f"{known.source} does not have {', '.join(known.missing[:10])}:"
            " what is installed was recorded instead"
        )
        packages = with_known_hashes(packages, known.here)
    if resolve_hashes:
        from lading.capture.hashes import resolved

        packages, more = resolved(packages, python.executable)
        notes += more
    locked = Locked(
        in_order(packages),
        requires_python=f"=={python.markers['python_version']}.*",
        environments=(f"sys_platform == '{python.markers['sys_platform']}'",),
    )
    return _Chosen("installed", locked, installed, tuple(notes))


def _remarks(packages: Mapping[str, Package]) -> Iterator[str]:
    """What somebody who installs these again ought to know."""
    for name, package in sorted(packages.items()):
        origin = package.origin
        if _is_project(package):
            yield f"{name} is the project itself: its code must come with the model"
        elif isinstance(origin, Directory) or (isinstance(origin, Archive) and not origin.url):
            yield f"{name} comes from {origin.path} on this machine: others cannot install it"
        elif package.version and "+" in package.version and origin is None:
            yield f"{name} {package.version} has a local label: not every index has it"

"""A folder of documents as it is found again: whose it is, what is in it, what it runs.

Whoever can write to a repository wrote it. It is read within bounds, and what it makes a cluster
run is worked out as kustomize would; what kustomize could do beyond that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from lading.deploy import edit, kustomize, read
from lading.deploy.kustomize import BASE, DIGESTS
from lading.deploy.read import Running
from lading.deploy.resource import Resource
from lading.errors import (
    Conflict,
    IntegrityError,
    InvalidInput,
    LadingError,
    LocalFailure,
    NotFound,
    Unsupported,
)
from lading.operations.deploying import folder

_LARGEST: Final = 1024 * 1024
# Single documents, for one machine: without a base and a patch.
_SINGLE: Final = {"compose.yaml": "compose", "pod.yaml": "podman"}


@dataclass(frozen=True, slots=True)
class Written:
    """A folder that ``lading deploy`` wrote, and its digests as they are now."""

    folder: Path
    # The text of digests.yaml.
    digests: str
    running: Running

    def text(self, name: str) -> str | None:
        """The text of another file in it; None where there is none.

        Raises:
            InvalidInput: it is no text of a usual size.
        """
        path = self.folder / name
        return _text(path) if path.exists() or path.is_symlink() else None

    def documents(self) -> tuple[Resource, ...]:
        """The complete documents, as a cluster is given them.

        Raises:
            InvalidInput: a file is missing, or has no documents of Kubernetes'.
            IntegrityError: a kustomization does more than put them together.
        """
        try:
            patches = self._loaded(DIGESTS)
            bare = self.bare()
            self._demand_met(bare, patches)
            return kustomize.merge(bare, patches)
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"{self.folder} has documents that do not fit together",
                cause=f"{DIGESTS} and the others differ in shape",
                hint="lading deploy REF -o DIR writes them anew",
            ) from error

    def bare(self) -> tuple[Resource, ...]:
        """The documents without digests.

        Raises:
            InvalidInput: a file is missing.
            IntegrityError: a kustomization does more than put them together.
        """
        return tuple(each for name in self._names() for each in self._loaded(name))

    def files(self) -> dict[str, str]:
        """The documents' own files, as kustomize needs them: nothing else that lies beside."""
        names = (BASE, *self._names(), DIGESTS)
        return {name: _text(self.folder / name) for name in names}

    def edited(self) -> tuple[str, ...]:
        """The files of the base that are not as they were written."""
        texts = {name: self.text(name) for name in (BASE, *self._names())}
        return tuple(name for name, text in texts.items() if not folder.is_ours(text))

    def _names(self) -> list[str]:
        """The files that kustomize puts together.

        Raises:
            IntegrityError: it is told to do more than that.
        """
        path = self.folder / BASE
        base, *others = self._loaded(BASE) or ({},)
        names = base.get("resources") if isinstance(base, dict) else None
        if others or not isinstance(names, list) or not all(map(_is_file_name, names)):
            raise IntegrityError(f"{path} names what is not in its folder")
        known = kustomize.kustomization(names, self._loaded(DIGESTS))
        if base != known:
            differs = sorted(str(key) for key in {*base, *known} if base.get(key) != known.get(key))
            raise IntegrityError(
                f"{path} does more than put documents together",
                cause=f"of {', '.join(differs)[:200]}",
                hint="changes belong into an overlay that names this folder as a resource",
            )
        return names

    def _loaded(self, name: str) -> tuple[Any, ...]:
        path = self.folder / name
        with _told(path):
            return edit.load(_text(path))

    def _demand_met(self, bare: tuple[Any, ...], patches: tuple[Any, ...]) -> None:
        """Refuse what kustomize would not take, and digests that nothing has."""
        for each in (*bare, *patches):
            head = each["metadata"]
            if not all(isinstance(text, str) for text in (each["kind"], each["apiVersion"])):
                raise TypeError
            if not isinstance(head["name"], str):
                raise TypeError
        for patch in patches:
            if not any(kustomize.is_for(patch, each) for each in bare):
                raise IntegrityError(
                    f"{self.folder / DIGESTS} has digests for {patch['kind']} "
                    f"{patch['metadata']['name']}, which is not there",
                )


def find(path: Path) -> Written:
    """The folder that ``lading deploy`` wrote.

    Raises:
        NotFound: there is no such folder.
        Conflict: something else wrote what is in it.
        InvalidInput: its digests cannot be read.
        Unsupported: they are in files that are not changed one by one.
    """
    if not path.exists():
        raise NotFound(f"there is no {path}", hint="lading deploy REF -o DIR writes one")
    digests = path / DIGESTS
    if not digests.exists():
        _refuse(path)
    text = _text(digests)
    if not folder.is_from_here(text):
        raise Conflict(
            f"{digests} was not written by lading deploy",
            cause="its first line does not say so",
            hint="lading deploy REF -o DIR writes a folder of its own",
        )
    with _told(digests):
        return Written(path, text, read.running(text))


def _refuse(path: Path) -> NoReturn:
    for name, kind in _SINGLE.items():
        if (path / name).exists() and folder.is_from_here(_text(path / name)):
            raise Unsupported(
                f"{path / name} is not changed in place",
                cause=f"{kind} has its digests in one piece with everything else",
                hint=f"lading deploy REF --as {kind} -o {path} writes it anew,"
                " with the options it was written with",
            )
    raise Conflict(
        f"{path} was not written by lading deploy",
        cause=f"there is no {DIGESTS} in it",
        hint="lading deploy REF -o DIR writes one",
    )


def _text(path: Path) -> str:
    """A file's text.

    Raises:
        InvalidInput: it is no regular file of a usual size, or no text.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise InvalidInput(f"{path} is no regular file")
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(f"{path} is larger than documents are")
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no text") from error
    except OSError as error:
        raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of an error which file it is about."""
    try:
        yield
    except LadingError as error:
        if error.what.startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error.what}", cause=error.cause, hint=error.hint) from error


def _is_file_name(name: object) -> bool:
    return isinstance(name, str) and Path(name).name == name and name not in (BASE, DIGESTS, "..")

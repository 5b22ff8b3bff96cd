"""A folder of documents as it is found again: whose it is, what is in it, what it runs.

Whoever can write to a repository wrote it. It is read within bounds, and what it makes a cluster
run is worked out as kustomize would; what kustomize could do beyond that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.deploy import edit, kustomize, read, values
from lading.deploy.kustomize import BASE, DIGESTS
from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.said import Running
from lading.errors import Conflict, IntegrityError, InvalidInput, LocalFailure, NotFound
from lading.operations.deploying import folder, machine_folder
from lading.operations.deploying.machine_folder import MachineFolder
from lading.operations.deploying.texts import ANEW, read_text, told
from lading.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class BaseFolder:
    """A folder that ``lading deploy`` wrote for a cluster, and its digests as they are now."""

    folder: Path
    # The text of digests.yaml.
    digests: str
    running: Running

    @property
    def anew(self) -> str:
        """The line that writes the folder anew."""
        return f"lading deploy REF -o {self.folder}"

    def text(self, name: str) -> str | None:
        """The text of another file in it; None where there is none.

        Raises:
            InvalidInput: it is no text of a usual size.
        """
        path = self.folder / name
        return read_text(path) if path.exists() or path.is_symlink() else None

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
                hint=ANEW,
            ) from error

    def bare(self) -> tuple[Resource, ...]:
        """The documents without digests.

        Raises:
            InvalidInput: a file is missing.
            IntegrityError: a kustomization does more than put them together.
        """
        return tuple(each for name in self._names() for each in self._loaded(name))

    def files(self) -> dict[str, str]:
        """What ``lading deploy`` wrote, values included: nothing else that lies beside."""
        names = (BASE, *self._names(), DIGESTS, *self._values())
        return {name: read_text(self.folder / name) for name in names}

    def edited(self) -> tuple[str, ...]:
        """The files of the base that are not as they were written."""
        texts = {name: self.text(name) for name in (BASE, *self._names())}
        return tuple(name for name, text in texts.items() if not folder.is_ours(text))

    def moved(self, pins: Pins) -> Iterator[tuple[str, tuple[str, str]]]:
        """The files that another version changes: what each was, and what it is to be."""
        texts = {DIGESTS: (self.digests, read.moved(self.digests, pins, self.bare()))}
        name = values.file_name(pins.runs.stage)
        if (text := self.text(name)) is not None and folder.is_from_here(text):
            try:
                texts[name] = (text, read.moved_values(text, pins))
            except InvalidInput as error:
                raise InvalidInput(
                    f"{self.folder / name}: {error.what}",
                    cause=error.cause,
                    hint=f"lading deploy {pins.runs.reference} --helm -o DIR writes one",
                ) from error
        for file, (before, after) in texts.items():
            if before != after:
                yield file, (before, after)

    def after(self, changes: Mapping[str, tuple[str, str]]) -> tuple[Running, tuple[Any, ...]]:
        """What the folder would run with some changes, and what of it has digests."""
        text = changes.get(DIGESTS, (self.digests,))[-1]
        return read.running(text), edit.load(text)

    def _values(self) -> list[str]:
        """The values for Helm that are there."""
        paths = sorted(self.folder.glob("values*.yaml"))
        return [path.name for path in paths if folder.is_from_here(read_text(path))]

    def _names(self) -> list[str]:
        """The files that kustomize puts together.

        Raises:
            IntegrityError: it is told to do more than that.
        """
        path = self.folder / BASE
        base, *others = self._loaded(BASE) or ({},)
        names = base.get("resources") if isinstance(base, dict) else None
        if others or not isinstance(names, list) or not all(map(_is_file_name, names)):
            raise IntegrityError(f"{path} names what is not in its folder", hint=ANEW)
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
        with told(path):
            return edit.load(read_text(path))

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
                    hint=ANEW,
                )


Written = BaseFolder | MachineFolder


def find(path: Path) -> Written:
    """The folder that ``lading deploy`` wrote, for a cluster or for one machine.

    Raises:
        NotFound: there is no such folder.
        Conflict: something else wrote what is in it.
        InvalidInput: its digests cannot be read.
        Unsupported: something is named by a digest that nobody knows.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise _no_folder(path) from None
    except OSError as error:
        raise LocalFailure(
            f"cannot read {str(path)[:200]}",
            cause=error.strerror,
            hint="name a folder that you may read",
        ) from error
    if not path.is_dir():
        raise InvalidInput(f"{path} is no folder", hint="lading deploy REF -o DIR writes one")
    digests = path / DIGESTS
    if not digests.exists():
        if (for_machine := machine_folder.find(path)) is not None:
            return for_machine
        raise Conflict(
            f"{path} was not written by lading deploy",
            cause=f"there is no {DIGESTS} in it, nor a file of its own for Compose or Podman",
            hint="lading deploy REF -o DIR writes one",
        )
    text = read_text(digests)
    if text.startswith("\ufeff"):
        raise InvalidInput(
            f"{digests} begins with a byte order mark",
            cause="some editors put one there, and not every cluster's tools pass over it",
            hint="save it as UTF-8 without one",
        )
    if not folder.is_from_here(text):
        raise Conflict(
            f"{digests} was not written by lading deploy",
            cause="its first line does not say so",
            hint="lading deploy REF -o DIR writes a folder of its own",
        )
    with told(digests):
        return BaseFolder(path, text, read.running(text))


def demand_cluster(written: Written) -> None:
    """Refuse to hand a folder to a cluster that was written for one machine.

    Raises:
        InvalidInput: it was.
    """
    if isinstance(written, MachineFolder):
        raise InvalidInput(
            f"{written.folder} is for one machine, without a cluster",
            hint="leave out --apply and --push",
        )


def _no_folder(path: Path) -> NotFound:
    """What is said of a folder that is not there; a model's name is the other thing to deploy."""
    what = f"there is no folder {path}"
    if not _is_reference(str(path)):
        return NotFound(what, hint="lading deploy REF -o DIR writes one")
    return NotFound(
        what,
        cause="that is the name of a model",
        hint=f"lading deploy --check DIR, or lading deploy update DIR {path};"
        f" lading deploy {path} -o DIR writes one",
    )


def _is_reference(text: str) -> bool:
    """Whether a name has a registry, a tag or a digest; any other may well be a folder's."""
    try:
        place = Reference.parse(text)
    except InvalidInput:
        return False
    return bool(place.host or place.name)


def _is_file_name(name: object) -> bool:
    plain = isinstance(name, str) and name.isprintable() and Path(name).name == name
    return plain and name not in ("", BASE, DIGESTS, "..")

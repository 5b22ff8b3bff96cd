"""A folder for one machine as it is found again: Compose's file, a pod of Podman's, units.

Here its files have their digests among everything else, and a sum of the rest in the first line.
What an engine reads of itself beside them (overrides, drop-ins) is read, too: it runs as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.deploy import read_machine
from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.said import Running
from lading.errors import IntegrityError
from lading.operations.deploying import folder
from lading.operations.deploying.texts import read_text, told

_WRITTEN: Final = ("compose.yaml", "pod.yaml", "*.container")
_READ: Final = (
    *("compose.yaml", "compose.override.yaml", "compose.override.yml", "pod.yaml"),
    *("*.container", "*.image", "*.volume", "*.network", "*.pod", "*.kube", "*.build"),
    "*.d/*.conf",
)


@dataclass(frozen=True, slots=True)
class MachineFolder:
    """A folder that ``lading deploy`` wrote for one machine, and what it runs now."""

    folder: Path
    # By name: everything that an engine reads.
    texts: Mapping[str, str]
    running: Running

    @property
    def anew(self) -> str:
        """The line that writes the folder anew."""
        return f"lading deploy REF --as {self.running.kind} -o {self.folder}"

    def text(self, name: str) -> str | None:
        """The text of a file in it; None where there is none."""
        return self.texts.get(name)

    def files(self) -> dict[str, str]:
        """The files that an engine reads."""
        return dict(self.texts)

    def documents(self) -> tuple[Resource, ...]:
        """The files as plain data.

        Raises:
            IntegrityError: one has something run that does not stand in the folder.
        """
        made = read_machine.documents(self.texts)
        if places := list(read_machine.elsewhere(made)):
            raise IntegrityError(
                f"{self.folder} has something run that no check sees",
                cause=", ".join(places)[:200],
                hint=f"name images by digest in its files; {self.anew} writes them anew",
            )
        return made

    def edited(self) -> tuple[str, ...]:
        """The files that are not as they were written."""
        ours = (name for name, text in self.texts.items() if folder.is_from_here(text))
        return tuple(name for name in ours if not folder.is_ours(self.texts[name]))

    def moved(self, pins: Pins) -> Iterator[tuple[str, tuple[str, str]]]:
        """The files that another version changes: what each was, and what it is to be."""
        with told(self.folder):
            after = read_machine.moved(self.texts, pins)
        for name, before in self.texts.items():
            if before != after[name]:
                yield name, (before, folder.summed(before, after[name]))

    def after(
        self, changes: Mapping[str, tuple[str, str]]
    ) -> tuple[Running, tuple[dict[str, Any], ...]]:
        """What the folder would run with some changes, and its documents."""
        texts = {**self.texts, **{name: text for name, (_, text) in changes.items()}}
        return read_machine.running(texts), read_machine.documents(texts)


def find(path: Path) -> MachineFolder | None:
    """The folder for one machine that ``lading deploy`` wrote; None where this is none.

    Raises:
        InvalidInput: its files cannot be read, or say nothing of a version, or of several.
        Unsupported: something in it is named by a digest that nobody knows.
    """
    names = [each for pattern in _WRITTEN for each in sorted(path.glob(pattern))]
    if not any(folder.is_from_here(read_text(each)) for each in names):
        return None
    found = {each: None for pattern in _READ for each in sorted(path.glob(pattern))}
    texts = {str(each.relative_to(path)): read_text(each) for each in found}
    with told(path):
        return MachineFolder(path, texts, read_machine.running(texts))

"""What a builder is sent: the Dockerfile, what it copies, and the model, as one stream of tar.

The model is streamed from where it lies and is never copied on this machine; the builder stores
it once as a layer. (``image assemble`` moves nothing at all, where a registry has the layers.)
Every entry has one owner, one time and one of two modes, so that the same version is the same
stream.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from lading.errors import LocalFailure
from lading.images.packages import runtime_constraints
from lading.images.recipe import EPOCH, Recipe
from lading.images.render import render
from lading.images.wheel import own_wheel, running_versions
from lading.spec.tags import SERVING, Target

# How often pip asks again where nobody says.
PIP_RETRIES: Final = 5

_BLOCK: Final = 1024 * 1024
_PADDING: Final = 512
_DOCUMENT: Final = "lading.json"

OnSent = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Model:
    """The folder of a version's files, and its document, which lies beside them in an image."""

    folder: Path
    document: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Context:
    """The files of a build, small ones in memory and the model's where they lie."""

    files: Mapping[str, bytes] = field(repr=False)
    # The folder of the model's files; None where no target holds the model.
    model: Path | None
    epoch: int = EPOCH
    # Told of every block of the model that is sent.
    on_sent: OnSent | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """How many bytes are sent, but for the frames of the archive."""
        own = sum(map(len, self.files.values()))
        return own + sum(path.stat().st_size for _, path in self._model())

    def stream(self) -> Iterator[bytes]:
        """The whole as a tar, block by block.

        Raises:
            LocalFailure: a file of the model cannot be read.
        """
        for name, raw in sorted(self.files.items()):
            yield self._header(name, len(raw))
            yield raw + b"\0" * (-len(raw) % _PADDING)
        for name, path in self._model():
            yield from self._file(name, path)
        yield b"\0" * (2 * _PADDING)

    def write(self, folder: Path) -> None:
        """Write it as a folder that ``docker build`` takes.

        Raises:
            LocalFailure: it cannot be written.
        """
        try:
            for name, raw in self.files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(raw)
            for name, source in self._model():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with source.open("rb") as reading, path.open("wb") as writing:
                    while block := reading.read(_BLOCK):
                        writing.write(block)
        except OSError as error:
            raise LocalFailure(f"cannot write {folder}", cause=error.strerror) from error

    def _model(self) -> Iterator[tuple[str, Path]]:
        if self.model is None:
            return
        for folder, children, files in os.walk(self.model):
            children.sort()
            for name in sorted(files):
                path = Path(folder) / name
                yield f"model/{path.relative_to(self.model).as_posix()}", path

    def _file(self, name: str, path: Path) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                yield self._header(name, size)
                left = size
                while left:
                    block = file.read(min(_BLOCK, left))
                    if not block:
                        raise LocalFailure(f"{path} became shorter while it was sent")
                    left -= len(block)
                    yield block
                    if self.on_sent:
                        self.on_sent(len(block))
        except OSError as error:
            raise LocalFailure(f"cannot read {path}", cause=error.strerror) from error
        yield b"\0" * (-size % _PADDING)

    def _header(self, name: str, size: int) -> bytes:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = size, self.epoch, 0o644
        return entry.tobuf(tarfile.GNU_FORMAT)


def context(
    recipe: Recipe,
    targets: tuple[Target, ...],
    *,
    model: Model | None,
    pip: bytes = b"",
    package: str | None = None,
) -> Context:
    """What builds some targets, all from the base of the first.

    ``model`` is what ``serve`` holds, ``pip`` the configuration by which an index is found, and
    ``package`` a requirement that takes Lading from there, instead of a wheel of the one that runs.

    Raises:
        LocalFailure: no wheel can be made of the Lading that runs.
    """
    files = {
        "Dockerfile": render(recipe, targets).encode(),
        "lading/pip.conf": pip,
        "lading/steps.py": resources.files("lading.images.inside")
        .joinpath("steps.py")
        .read_bytes(),
    }
    files |= {f"lading/packages/{name}": raw for name, raw in recipe.division.files().items()}
    if set(SERVING).intersection(targets):
        files |= {f"lading/runtime/{name}": raw for name, raw in _runtime(recipe, package).items()}
    if model:
        files[f"model/{_DOCUMENT}"] = model.document
    return Context(files, model.folder if model else None)


def _runtime(recipe: Recipe, package: str | None) -> dict[str, bytes]:
    """Lading with its server, and the versions that it is to have."""
    constraints = runtime_constraints(recipe.division, running_versions())
    files = {"runtime-constraints.txt": constraints}
    if package:
        return files | {"runtime.txt": f"{package}\n".encode()}
    name, wheel = own_wheel()
    return files | {"runtime.txt": b"lading[serve] @ file://{wheel}\n", name: wheel}


def pip_configuration(
    index_url: str | None, extra_index_url: str | None, retries: int = PIP_RETRIES
) -> bytes:
    """pip's own file that names the index; it stays in a stage that is thrown away."""
    lines = [f"index-url = {index_url}"] if index_url else []
    lines += [f"extra-index-url = {extra_index_url}"] if extra_index_url else []
    lines += [f"retries = {retries}"] if retries != PIP_RETRIES else []
    return ("".join(f"{line}\n" for line in ["[global]", *lines]) if lines else "").encode()

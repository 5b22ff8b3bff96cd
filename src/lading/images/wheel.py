"""Lading's own wheel, made of the Lading that runs: an image serves with what built it.

Nothing is downloaded for it, and nothing is built: Lading is pure Python. The same installation
gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from lading.errors import LocalFailure
from lading.spec.packages import normalised

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT: Final = frozenset({"__pycache__", ".DS_Store"})
# In a checkout these lie at the top, and only a build puts them into the package.
_BESIDE: Final = {"schemas": "schemas", "Dockerfiles": "dockerfiles"}
_KIND: Final = "Wheel-Version: 1.0\nGenerator: lading\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_PACKAGE: Final = Path(__file__).parents[1]
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class _About:
    """What a wheel says of itself."""

    version: str
    metadata: str
    entry_points: str
    requires: tuple[str, ...]


def own_wheel() -> tuple[str, bytes]:
    """The file name and the bytes of a wheel of this Lading.

    Raises:
        LocalFailure: it is not installed in a way that a wheel can be made of.
    """
    about = _about()
    own = f"lading-{about.version}.dist-info"
    files = dict(_files(_PACKAGE))
    files[f"{own}/METADATA"] = about.metadata.encode()
    files[f"{own}/WHEEL"] = _KIND.encode()
    files[f"{own}/entry_points.txt"] = about.entry_points.encode()
    record = [f"{name},{_hash(raw)},{len(raw)}" for name, raw in sorted(files.items())]
    files[f"{own}/RECORD"] = "".join(f"{line}\n" for line in [*record, f"{own}/RECORD,,"]).encode()
    return f"lading-{about.version}-py3-none-any.whl", _archive(files)


def running_versions() -> dict[str, str]:
    """What is installed of the packages that Lading and its server need: name to version."""
    found: dict[str, str] = {}
    waiting = list(map(_needed, _about().requires))
    while waiting:
        name = waiting.pop()
        if name == "lading":
            continue  # an extra of its own may stand on another
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = distribution.version
        # What others offer besides is not the server's; of Lading's own, all that is here counts.
        wishes = [wish for wish in distribution.requires or () if "extra ==" not in wish]
        needed = map(_needed, wishes)
        waiting += [each for each in needed if each and each not in found]
    # A local label says where a wheel came from, and other indexes do not have it.
    return {name: version for name, version in found.items() if "+" not in version}


def _needed(wish: str) -> str:
    """The name in a requirement; empty where it is none."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return normalised(Requirement(wish).name)
    except InvalidRequirement:
        return ""


def _about() -> _About:
    """What this Lading says of itself: a checkout as it is now, not as it was once installed."""
    project = _PACKAGE.parents[1] / "pyproject.toml"
    if project.is_file() and (_PACKAGE.parents[1] / "Dockerfiles").is_dir():
        return _of_checkout(project)
    try:
        distribution = metadata.distribution("lading")
    except metadata.PackageNotFoundError as error:
        raise _cannot("it is not installed as a package") from error
    about, scripts = distribution.read_text("METADATA"), distribution.read_text("entry_points.txt")
    if not about or not _NAME.fullmatch(distribution.version):
        raise _cannot("its metadata is missing")
    requires = tuple(distribution.requires or ())
    return _About(distribution.version, about, scripts or "", requires)


def _of_checkout(file: Path) -> _About:
    import tomllib

    from lading import __version__

    project = tomllib.loads(file.read_text("utf-8"))["project"]
    requires = list(project["dependencies"])
    extras = project.get("optional-dependencies", {})
    for extra, wishes in extras.items():
        requires += [_for_extra(wish, extra) for wish in wishes]
    head = ["Metadata-Version: 2.1", "Name: lading", f"Version: {__version__}"]
    head += [f"Requires-Python: {project['requires-python']}"]
    head += [f"Provides-Extra: {extra}" for extra in extras]
    lines = [*head, *(f"Requires-Dist: {wish}" for wish in requires), ""]
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    points = [
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in found.items())
        for group, found in groups.items()
    ]
    return _About(__version__, "\n".join(lines), "\n".join(points), tuple(requires))


def _for_extra(wish: str, extra: str) -> str:
    name, _, marker = wish.partition(";")
    own = f"extra == '{extra}'"
    return f"{name.strip()} ; ({marker.strip()}) and {own}" if marker else f"{wish} ; {own}"


def _files(package: Path) -> Iterator[tuple[str, bytes]]:
    yield from _tree(package, "lading")
    for beside, name in _BESIDE.items():
        if not (package / name).is_dir() and (package.parents[1] / beside).is_dir():
            yield from _tree(package.parents[1] / beside, f"lading/{name}")


def _tree(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT.intersection(inside.parts):
            yield f"{name}/{inside.as_posix()}", path.read_bytes()


def _archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, raw)
    return out.getvalue()


def _hash(raw: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"


def _cannot(cause: str) -> LocalFailure:
    return LocalFailure(
        "no wheel can be made of the Lading that runs",
        cause=cause,
        hint="LADING_PACKAGE='lading[serve]' takes it from the index",
    )

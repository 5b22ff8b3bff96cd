"""What files for one machine run, and the same files for another version.

Compose, a pod of Podman's and units have their digests among everything else. What a text says is
known by what stands there: the version's reference, its images, its digest. As in
:mod:`lading.deploy.read` nothing is believed before it has been parsed, and a digest that nobody
knows is refused, since it would stay behind and run on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lading.deploy.edit import Path, Text, load
from lading.deploy.pins import DIGEST, EVENT, REFERENCE, Pins
from lading.deploy.resource import Resource
from lading.deploy.said import SAID, Running, Way, running_by, said, unknown
from lading.deploy.unit_text import UnitText
from lading.errors import InvalidInput

# What is read as YAML; everything else is a unit.
_YAML: Final = (".yaml", ".yml")
_LABELS: Final = frozenset({"labels", "annotations", "Label"})
_DIGESTED: Final = re.compile(r"[^\s\"'=,]*@sha(?:256|512):[0-9A-Za-z]*", re.ASCII)
_BARE: Final = re.compile(r"sha(?:256|512):[0-9a-f]{64}", re.ASCII)
_EITHER: Final = re.compile(f"{_DIGESTED.pattern}|{_BARE.pattern}", re.ASCII)
# What has something run that stands nowhere here: other files, a build, a folder.
_ELSEWHERE: Final = frozenset({"include", "extends", "build", "Rootfs", "Yaml", "ImageTag"})


def running(files: Mapping[str, str]) -> Running:
    """What some files make an engine run.

    Raises:
        InvalidInput: one cannot be read; or they name no version, or several.
        Unsupported: something is named by a digest that only somebody knows who wrote it.
    """
    return _read({name: _parsed(name, text) for name, text in files.items()})


def documents(files: Mapping[str, str]) -> tuple[Resource, ...]:
    """The files as plain data, each under its name.

    Raises:
        InvalidInput: one cannot be read.
    """
    return tuple(each for name, text in files.items() for each in _documents(name, text))


def elsewhere(made: tuple[Resource, ...]) -> Iterator[str]:
    """The places that have something run which stands nowhere in the files."""
    for each in made:
        name = each["kind"]
        parts: dict[str, Any] = {"": each, **each, **(each.get("services") or {})}
        for where, part in parts.items():
            if isinstance(part, dict):
                yield from (f"{name}.{where}.{key}" for key in part if key in _ELSEWHERE)


def moved(files: Mapping[str, str], pins: Pins) -> dict[str, str]:
    """The files for another version: only what names it is another, byte by byte.

    Raises:
        InvalidInput: as :func:`running`; or a value stands where it cannot be changed by itself.
    """
    parsed = {name: _parsed(name, text) for name, text in files.items()}
    old = _read(parsed)
    swaps = {
        old.reference: pins.runs.reference,
        old.puller or "": pins.puller or "",
        old.serving: pins.serving.reference,
    }
    return {name: text.changed(_wanted(text, old, pins, swaps)) for name, text in parsed.items()}


def _parsed(name: str, text: str) -> Text | UnitText:
    try:
        return Text.parse(text) if name.endswith(_YAML) else UnitText.parse(text)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error.what}", cause=error.cause, hint=error.hint) from error


def _documents(name: str, text: str) -> Iterator[Resource]:
    if name.endswith(_YAML):
        for each in load(text):
            if not isinstance(each, dict):
                raise InvalidInput(f"{name} is no document for an engine")
            yield {**each, "kind": name}
        return
    sections: dict[str, dict[str, Any]] = {}
    for (section, key, which), value in UnitText.parse(text).values().items():
        sections.setdefault(str(section), {}).setdefault(str(key), {})[which] = value
    for part in sections.values():
        for key, values in part.items():
            # A key that stands once is its value, as where documents are made.
            part[key] = values[0] if list(values) == [0] else values
    yield {"kind": name, **sections}


# Reading


def _read(files: Mapping[str, Text | UnitText]) -> Running:
    found = {name: text.values() for name, text in files.items()}
    runs = said(lambda name: (one for values in found.values() for one in _labels(values, name)))
    images = [each for values in found.values() for each in _images(values)]
    running = running_by(
        runs,
        serving=(image for image, serves in images if serves),
        pulling=(image for image, serves in images if not serves),
        way=_way(found, runs.reference),
        kind="compose" if any(name.startswith("compose.") for name in found) else "podman",
        name=next((name for values in found.values() for name in _names(values)), "model"),
    )
    known = {running.reference, running.serving, running.puller}
    for values in found.values():
        _demand_known(values, known, runs.digest)
    return running


def _labels(values: Mapping[Path, str], name: str) -> Iterator[str]:
    yield from (value for path, value in values.items() if _is_label(path, name))


def _is_label(path: Path, name: str | None = None) -> bool:
    if len(path) < 2 or path[-2] not in _LABELS:
        return False
    return path[-1] in SAID if name is None else path[-1] == name


def _images(values: Mapping[Path, str]) -> Iterator[tuple[str, bool]]:
    """Each image that a container runs, and whether it is the server's."""
    for path, value in values.items():
        if path[:2] == ("Container", "Image"):
            # The server says which version it has.
            yield value, ("Container", "Label", DIGEST) in values
        elif path[-1] == "image" and path[1:2] == ("services",):
            if (*path[:-1], "labels", DIGEST) in values or path[2] == "pull":
                yield value, path[2] != "pull"
        elif path[-1] == "image" and {"containers", "initContainers"} & set(path):
            yield value, "containers" in path


def _demand_known(values: Mapping[Path, str], known: set[str | None], digest: str) -> None:
    """Refuse digests of which nobody knows what they are for another version."""
    for path, value in values.items():
        if _is_label(path):
            continue
        for found in _DIGESTED.findall(value):
            if found not in known:
                raise unknown(found, path)
        for found in _BARE.findall(_DIGESTED.sub("", value)):
            if found != digest:
                raise unknown(found, path)


def _way(found: Mapping[str, Mapping[Path, str]], reference: str) -> Way:
    """How the model gets to its server; mounted, where one of several mounts it."""
    places = [
        path for values in found.values() for path, value in values.items() if reference in value
    ]
    if not places:
        return "held"
    pulled = [{"command", "args", "Exec"} & set(path) for path in places]
    return "pulled" if all(pulled) else "mounted"


def _names(values: Mapping[Path, str]) -> Iterator[str]:
    """What its documents call the server."""
    places: tuple[Path, ...] = ((0, "name"), (0, "metadata", "name"))
    yield from (values[path] for path in places if path in values)
    if ("Container", "Label", DIGEST) in values and ("Container", "ContainerName", 0) in values:
        yield values[("Container", "ContainerName", 0)]


# Changing


def _wanted(
    text: Text | UnitText, old: Running, pins: Pins, swaps: Mapping[str, str]
) -> dict[Path, str | None]:
    values = text.values()
    wanted: dict[Path, str | None] = {
        path: _described(value, old, pins)
        if path[1:2] == ("Description",)
        else _renewed(value, old, pins, swaps)
        for path, value in values.items()
        if not _is_label(path, EVENT)
    }
    # What names the model says everything of it; other labels only its digest.
    for path in values:
        if _is_label(path, REFERENCE):
            wanted |= {(*path[:-1], name): pins.annotations.get(name) for name in SAID}
    return wanted


def _described(value: str, old: Running, pins: Pins) -> str:
    """What systemd shows of a unit, where it is what we wrote."""
    before, now = (f"{each.place} {each.version or ''}".strip() for each in (old, pins.runs))
    return value.replace(before, now) if value in (before, f"Pulls {before}") else value


def _renewed(value: str, old: Running, pins: Pins, swaps: Mapping[str, str]) -> str:
    """A value for another version; the same one where it says nothing of the version."""
    runs = pins.runs
    if value == old.place:
        return runs.place
    if value.endswith(f"-{old.digest.short}"):  # a volume, which has its version's name
        return value.removesuffix(old.digest.short) + runs.digest.short
    everything = {**swaps, old.digest: runs.digest}
    return _EITHER.sub(lambda found: everything[found[0]], value)

"""What documents name that a cluster or a machine fetches: of documents of anybody, not only ours.

Texts in, names out. YAML is read by its nodes, so that anchors and tags of others stand for no more
than is written; of other files whatever is named by digest is taken, and units' own lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from lading.deploy.lint import DIGESTED, SCHEME, is_tagged, wrong
from lading.errors import InvalidInput
from lading.spec.reference import Reference

_YAML: Final = (".yaml", ".yml", ".json")
# Of what people read nothing is fetched.
_PROSE: Final = (".md", ".rst", ".txt")
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DEEPEST: Final = 100
# Units of Podman; what ends so names another unit.
_UNIT: Final = re.compile(r"^\s*Image\s*=\s*(\S+)\s*$", re.MULTILINE)
_UNITS: Final = (".image", ".build")
_TEMPLATE: Final = "{{"


class Name(NamedTuple):
    """Something that is fetched by digest, and the file that says so."""

    reference: Reference
    file: str


@dataclass(frozen=True, slots=True)
class Named:
    """What some files name."""

    names: tuple[Name, ...]
    # What is named in a way that may mean something else tomorrow, each with its place.
    problems: tuple[str, ...]
    notes: tuple[str, ...]


class _Found(NamedTuple):
    """A text that is a name, and where it stands."""

    text: str
    where: str
    file: str


def named(files: Mapping[str, str]) -> Named:
    """Every name of an image or a version in some files, by their paths."""
    found: list[_Found] = []
    given: dict[str, str] = {}
    notes: list[str] = []
    for file, text in sorted(files.items()):
        base = file.rpartition("/")[2]
        if base.lower().endswith(_PROSE):
            continue
        roots = _roots(text) if base.endswith(_YAML) or base in _KUSTOMIZATIONS else None
        if roots is None:
            found += _in_text(text, file)
            if base.endswith(_YAML):
                notes.append(f"{file} is no YAML: of it only what is named by digest was looked at")
            continue
        for number, root in enumerate(roots):
            found += _in_node(root, (), file, set())
            if base in _KUSTOMIZATIONS and number == 0:
                instead = _given(root)
                found += (_Found(each, "images: ", file) for each in instead.values())
                given |= instead
    return _judged(found, given, notes)


def _judged(found: list[_Found], given: dict[str, str], notes: list[str]) -> Named:
    names: dict[Name, None] = {}
    problems: dict[str, None] = {}
    for each in found:
        text = given.get(_bare(each.text), each.text)
        bare = SCHEME.sub("", text, count=1)
        if "://" in bare:
            notes.append(f"{each.file} names {bare[:200]}, which is in no registry and stays there")
        elif why := _wrong(text):
            problems[f"{each.file}: {each.where}{bare[:200]} {why}"] = None
        else:
            place = Reference.parse(bare)
            names[Name(replace(place, tag=None), each.file)] = None
    return Named(tuple(names), tuple(problems), tuple(dict.fromkeys(notes)))


def _wrong(text: str) -> str | None:
    """What is wrong with a name; others write a tag beside the digest, which says nothing."""
    head, at, digest = text.partition("@")
    tag = head.rpartition("/")[2].partition(":")[1:] if at else ()
    return wrong(head.removesuffix("".join(tag)) + at + digest)


def _bare(text: str) -> str:
    """A name without its tag and digest, as kustomize's ``images`` has it."""
    head, slash, last = text.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]


# Other texts


def _in_text(text: str, file: str) -> Iterator[_Found]:
    for found in DIGESTED.findall(text):
        try:
            Reference.parse(SCHEME.sub("", found, count=1))
        except InvalidInput:
            continue  # a template's, or a pattern
        yield _Found(found, "", file)
    for found in _UNIT.findall(text):
        if not found.endswith(_UNITS) and "@" not in found and _TEMPLATE not in found:
            yield _Found(found, "Image=", file)


# YAML


def _roots(text: str) -> list[Any] | None:
    """The nodes of documents; None where it is no YAML."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                depth += 1
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                depth -= 1
            if depth > _DEEPEST:
                return None
        return list(yaml.compose_all(text, Loader=loader))
    except (yaml.YAMLError, ValueError):
        return None


def _in_node(node: Any, path: tuple[str, ...], file: str, seen: set[int]) -> Iterator[_Found]:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        yield from _in_scalar(node.value, path, file)
        return
    if id(node) in seen:
        return  # an alias: what it stands for was read where it is written
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from _in_node(part, path, file, seen)
    else:
        entries = _entries(node)
        whole = _put_together(entries, path)
        if whole is not None:
            yield _Found(whole, f"{_shown(path)}: ", file)
        for key, part in entries.items():
            yield from _in_node(part, (*path, key), file, seen)


def _in_scalar(text: str, path: tuple[str, ...], file: str) -> Iterator[_Found]:
    where = f"{_shown(path)}: "
    if not text or _TEMPLATE in text:
        yield from _in_text(text, file)
    elif _is_place(path) or is_tagged(text):
        yield _Found(text, where, file)
    elif "\n" in text:
        yield from _in_text(text, file)  # a file in a ConfigMap
    else:
        yield from (_Found(each, where, file) for each in DIGESTED.findall(text))


def _is_place(path: tuple[str, ...]) -> bool:
    """Whether what stands here is fetched, whatever it looks like."""
    return path[-1:] in (("image",), ("storageUri",)) or path[-2:] == ("image", "reference")


def _put_together(entries: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    """What values for Helm give in parts: a registry perhaps, a repository, a digest or a tag."""
    registry, repository, digest, tag = (
        _text(entries.get(key)) for key in ("registry", "repository", "digest", "tag")
    )
    if not repository:
        return None
    place = f"{registry}/{repository}" if registry else repository
    if digest:
        return f"{place}@{digest}"
    return f"{place}:{tag}" if tag and "image" in path[-1:] else None


def _given(root: Any) -> dict[str, str]:
    """What a kustomization's ``images`` makes of names: by name, what runs in its place."""
    made: dict[str, str] = {}
    for each in getattr(_entries(root).get("images"), "value", ()):
        entries = _entries(each)
        name, other, digest, tag = (
            _text(entries.get(key)) for key in ("name", "newName", "digest", "newTag")
        )
        if name and (digest or tag):
            made[name] = f"{other or name}{f'@{digest}' if digest else f':{tag}'}"
    return made


def _entries(node: Any) -> dict[str, Any]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: part for key, part in node.value if isinstance(key, yaml.ScalarNode)}


def _text(node: Any) -> str:
    import yaml

    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(path)[:200]

"""What a version's document says, once more in the words of others.

The index's annotations are for people and for quick lists, the config of the ModelPack manifest for
tools that read that format. Both come from the document alone, which may be an existing version's:
its values are looked at before they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lading.spec import mediatypes
from lading.spec.digest import Digest
from lading.spec.plain import Fields, table, tables, text, texts

SUMMARY: Final = "dev.lading."
# Tags with these keys are shown in lists of versions.
_TAGS: Final = ("framework", "task")
# Registries keep all annotations of an index in one manifest; a document has room for the rest.
_MOST_VALUES: Final = 64
_LONGEST_VALUE: Final = 256


def index_annotations(
    document: Fields, config: Digest, *, formats: str | None, size: int, files: int
) -> dict[str, str]:
    """The summary of a document on its index; ``config`` is the digest of the document."""
    lineage = table(document.get("lineage"))
    code = table(lineage.get("code"))
    images = table(table(document.get("environment")).get("images"))
    base, _, base_digest = (text(images.get("base")) or "").partition("@")
    values = {
        mediatypes.TITLE: text(document.get("name")),
        mediatypes.VERSION: text(document.get("version")),
        mediatypes.CREATED: text(document.get("created")),
        mediatypes.AUTHORS: ", ".join(texts(document.get("authors"))),
        mediatypes.DESCRIPTION: text(document.get("description")),
        mediatypes.LICENSES: _license(texts(document.get("licenses"))),
        mediatypes.SOURCE: text(code.get("repository")),
        mediatypes.REVISION: text(code.get("commit")),
        mediatypes.BASE_NAME: base,
        mediatypes.BASE_DIGEST: base_digest,
        mediatypes.DOCUMENT: config,
        SUMMARY + "format": formats,
        SUMMARY + "size": str(size),
        SUMMARY + "files": str(files),
    }
    values |= dict(_details(document, lineage))
    return {name: value for name, value in values.items() if value}


def _details(document: Fields, lineage: Fields) -> Iterator[tuple[str, str | None]]:
    facts = table(document.get("facts"))
    tags = table(document.get("tags"))
    own = {
        "framework": text(table(document.get("framework")).get("name")),
        "task": text(table(document.get("card")).get("task")),
    }
    for key in _TAGS:
        yield SUMMARY + key, text(tags.get(key)) or own[key]
    yield SUMMARY + "parameters", _scalar(facts.get("parameters"))
    for parent in tables(lineage.get("parents"))[:1]:
        yield SUMMARY + "parent", text(parent.get("digest")) or text(parent.get("reference"))
    for metric in tables(document.get("metrics"))[:_MOST_VALUES]:
        if (name := _label(metric)) and (value := _scalar(metric.get("value"))):
            yield f"{SUMMARY}metric.{name}", value
    for param, chosen in list(table(document.get("params")).items())[:_MOST_VALUES]:
        if shown := _scalar(chosen):
            yield f"{SUMMARY}param.{param[:_LONGEST_VALUE]}", shown


def _label(metric: Fields) -> str | None:
    name, split = text(metric.get("name")), text(metric.get("split"))
    label = f"{name}@{split}" if name and split else name
    return label and label[:_LONGEST_VALUE]


def modelpack_config(document: Fields, formats: str | None) -> dict[str, object]:
    """The ``descriptor`` and ``config`` of ModelPack: no field that is not in their schema."""
    facts = table(document.get("facts"))
    code = table(table(document.get("lineage")).get("code"))
    descriptor = {
        "createdAt": text(document.get("created")),
        "authors": texts(document.get("authors")),
        "name": text(document.get("name")),
        "sourceURL": text(code.get("repository")),
        "version": text(document.get("version")),
        "revision": text(code.get("commit")),
        "licenses": texts(document.get("licenses")),
        "description": text(document.get("description")),
    }
    config = {
        "architecture": text(facts.get("architecture")),
        "format": formats,
        "paramSize": _scalar(facts.get("parameters")),
        "precision": text(facts.get("precision")),
        "quantization": text(facts.get("quantization")),
    }
    return {
        "descriptor": {name: value for name, value in descriptor.items() if value},
        "config": {name: value for name, value in config.items() if value},
    }


def _license(licenses: list[str]) -> str:
    """One SPDX expression for all of them."""
    if len(licenses) == 1:
        return licenses[0]
    return " AND ".join(f"({each})" if " " in each else each for each in licenses)


def _scalar(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    return value[:_LONGEST_VALUE] if isinstance(value, str) else None

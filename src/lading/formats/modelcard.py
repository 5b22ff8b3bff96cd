"""A model card as Hugging Face writes it: the YAML above a README, and its first paragraph."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput
from lading.formats.bounds import decoded, part, text
from lading.spec.card import Card
from lading.spec.document import Metric
from lading.spec.lineage import Dataset, Parent
from lading.spec.yaml_text import read_yaml

if TYPE_CHECKING:
    from lading.ports import Window

SOURCE: Final = "model card"
_CARD: Final = 256 * 1024
_FRONT: Final = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_FENCE: Final = re.compile(r"\ufeff?---[ \t]*\r?\n")
_DESCRIPTION: Final = 500
_ITEMS: Final = 100
_METRICS: Final = 1000
# Headings, pictures, badges, HTML, tables, lists, code: no sentences.
_NO_PROSE: Final = re.compile(r"[#<!\[|>*+`=~:{-]|\d+\.")
_RELATIONS: Final = {"finetune": "finetuned", "merge": "merged"}
_UNSAID: Final = ("other", "unknown")
# Hugging Face's short names in SPDX's spelling; its own names become references.
_SPDX: Final = {
    name.lower(): name
    for name in [
        "AFL-3.0",
        "AGPL-3.0",
        "Apache-2.0",
        "Artistic-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "BSL-1.0",
        "CC0-1.0",
        "CC-BY-2.0",
        "CC-BY-2.5",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-NC-2.0",
        "CC-BY-NC-3.0",
        "CC-BY-NC-4.0",
        "CC-BY-NC-ND-3.0",
        "CC-BY-NC-ND-4.0",
        "CC-BY-NC-SA-2.0",
        "CC-BY-NC-SA-3.0",
        "CC-BY-NC-SA-4.0",
        "CC-BY-ND-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
        "CDLA-Permissive-1.0",
        "CDLA-Permissive-2.0",
        "CDLA-Sharing-1.0",
        "ECL-2.0",
        "EPL-1.0",
        "EPL-2.0",
        "EUPL-1.1",
        "EUPL-1.2",
        "GFDL-1.3",
        "GPL-2.0",
        "GPL-3.0",
        "ISC",
        "LGPL-2.1",
        "LGPL-3.0",
        "LPPL-1.3c",
        "MIT",
        "MPL-2.0",
        "MS-PL",
        "NCSA",
        "ODbL-1.0",
        "OFL-1.1",
        "OSL-3.0",
        "PDDL-1.0",
        "PostgreSQL",
        "Unlicense",
        "WTFPL",
        "Zlib",
    ]
}
_NOT_IN_REFERENCES: Final = re.compile(r"[^A-Za-z0-9.-]+")


@dataclass(slots=True)
class ModelCard:
    """What a card says, in the words of the document."""

    card: Card
    licenses: tuple[str, ...] = ()
    description: str | None = None
    library: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    parents: tuple[Parent, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_card(path: str, window: Window) -> ModelCard:
    """What the card says; what cannot be read of it is noted."""
    whole = decoded(window.read_at(0, _CARD), _CARD)
    notes: list[str] = []
    front, body = _split(whole, notes)
    said = _front_matter(front, notes) if front else {}
    card = ModelCard(
        card=Card(
            path=path,
            task=text(said.get("pipeline_tag")),
            languages=tuple(_texts(said.get("language"))),
        ),
        licenses=_licenses(said),
        description=_first_paragraph(body),
        library=text(said.get("library_name")),
        tags=_tags(said.get("tags")),
        datasets=tuple(Dataset(name=name, source=SOURCE) for name in _texts(said.get("datasets"))),
        parents=_parents(said),
        notes=notes,
    )
    card.metrics = tuple(_metrics(said.get("model-index"), notes))
    return card


def _split(whole: str, notes: list[str]) -> tuple[str, str]:
    """The front matter, without its fences, and the rest."""
    if match := _FRONT.match(whole):
        return match[1], whole[match.end() :]
    if _FENCE.match(whole):
        notes.append("The model card's front matter has no end, or is longer than is read.")
        return "", ""
    return "", whole


def _front_matter(raw: str, notes: list[str]) -> dict[str, Any]:
    try:
        said = read_yaml(raw, "the model card's front matter")
    except InvalidInput as error:
        notes.append(f"The model card's front matter was not read: {error.cause or error.what}.")
        return {}
    if said is not None and not isinstance(said, dict):
        notes.append("The model card's front matter is not a list of fields.")
    return said if isinstance(said, dict) else {}


def _texts(value: object) -> list[str]:
    """One text, or a list of them."""
    values = value if isinstance(value, list) else [value]
    # YAML takes the language code of Norwegian for a truth.
    values = ["no" if item is False else item for item in values[:_ITEMS]]
    return list(dict.fromkeys(found for found in map(text, values) if found))


def _licenses(said: dict[str, Any]) -> tuple[str, ...]:
    names = _texts(said.get("license"))
    if names == ["other"]:
        names = _texts(said.get("license_name")) or names
    return tuple(_spdx(name) for name in names if name.lower() not in _UNSAID)


def _spdx(name: str) -> str:
    known = _SPDX.get(name.lower())
    return known or f"LicenseRef-{_NOT_IN_REFERENCES.sub('-', name).strip('-') or 'unnamed'}"


def _tags(value: object) -> dict[str, str]:
    """Hugging Face's tags are words, some with a kind before a colon."""
    tags: dict[str, str] = {}
    for tag in _texts(value):
        key, colon, rest = tag.partition(":")
        name = key.strip() if colon and rest.strip() and not rest.startswith("//") else tag
        tags[name or tag] = rest.strip() if name != tag else "true"
    return tags


def _parents(said: dict[str, Any]) -> tuple[Parent, ...]:
    relation = text(said.get("base_model_relation"))
    relation = _RELATIONS.get(relation or "", relation)
    names = _texts(said.get("base_model"))
    return tuple(Parent(reference=name, relation=relation) for name in names)


def _metrics(index: object, notes: list[str]) -> Iterator[Metric]:
    """The results of a model-index, each with its dataset."""
    left = _METRICS
    for result in _results(index):
        dataset = part(result, "dataset")
        name = text(part(dataset, "name")) or text(part(dataset, "type"))
        split = text(part(dataset, "split"))
        for said in _list(part(result, "metrics"))[:left]:
            left -= 1
            metric = text(part(said, "type")) or text(part(said, "name"))
            value = _number(part(said, "value"))
            if metric is None or value is None:
                notes.append("A metric of the model card has no name or no number.")
                return
            yield Metric(name=metric, value=value, dataset=name, split=split, source=SOURCE)


def _results(index: object) -> Iterator[object]:
    for model in _list(index)[:_ITEMS]:
        yield from _list(part(model, "results"))[:_METRICS]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _first_paragraph(body: str) -> str | None:
    """The first sentences of a README that are prose."""
    for paragraph in re.split(r"\n[ \t\r]*\n", body[: 64 * 1024]):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        if lines and not _NO_PROSE.match(lines[0]):
            return text(" ".join(lines), _DESCRIPTION)
    return None

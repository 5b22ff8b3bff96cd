"""A whole folder: every file that may be a model, a configuration or a card, folded into one.

Files say the same thing in several ways: weights are there in two formats, a shard holds a part.
How that is folded is decided here, without opening anything but through a look.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.formats.draft import Look
from lading.formats.look import look
from lading.formats.window import FileWindow
from lading.spec.facts import Facts, FileFacts
from lading.spec.lineage import Parent
from lading.spec.signature import Signature

if TYPE_CHECKING:
    from lading.spec.card import Card
    from lading.spec.document import Metric
    from lading.spec.lineage import Dataset

BUDGET: Final = 512
_NOTES: Final = 32
_CONFIGS: Final = frozenset(
    {
        "adapter_config.json",
        "config.json",
        "config_sentence_transformers.json",
        "model_index.json",
        "saved_model.pb",
        "tokenizer.json",
        "tokenizer_config.json",
    }
)
_MODELS: Final = frozenset(
    [
        "safetensors",
        "gguf",
        "onnx",
        "keras",
        "h5",
        "hdf5",
        "ubj",
        "cbm",
        "lgb",
        "skops",
        "joblib",
        "pkl",
        "pickle",
        "dill",
        "sav",
        "pt",
        "pth",
        "pt2",
        "ckpt",
        "bst",
        "model",
    ]
)
# What may be a model, but rarely is; and what holds a model only under another ending.
_PERHAPS: Final = frozenset(["bin", "json", "txt", "npy", "npz", "p"])
_WRAPPED: Final = frozenset(["gz", "z", "bz2", "xz", "lzma", "lz4", "zst"])

_CARDS: Final = frozenset({"readme.md", "model_card.md", "modelcard.md", "model-card.md"})

# Whose parameters count where the same weights are there more than once. NumPy's arrays may be
# anything.
_COUNTED: Final = (
    ("safetensors",),
    ("pytorch", "torchscript", "torch-export", "pytorch-legacy"),
    ("tensorflow",),
    ("gguf",),
    ("onnx",),
)
# Whose word counts when several files name a framework.
_SPEAKERS: Final = (
    "sentence-transformers-config",
    "peft-adapter",
    "huggingface-config",
    "diffusers-config",
    "keras",
    "tensorflow",
    "skops",
    "joblib",
    "pickle",
    "xgboost-json",
    "xgboost-ubj",
    "lightgbm",
    "catboost",
    "torch-export",
    "torchscript",
    "pytorch",
    "pytorch-legacy",
    "onnx",
    "gguf",
    "safetensors",
    "hdf5",
)
_SHARD: Final = re.compile(r"[-_.]\d{3,5}-of-\d{3,5}(?=\.|$)")


@dataclass(frozen=True, slots=True)
class Survey:
    """What the files of a folder say together."""

    facts: Facts
    signature: Signature | None = None
    framework: str | None = None
    framework_version: str | None = None
    modules: frozenset[str] = frozenset()
    card: Card | None = None
    licenses: tuple[str, ...] = ()
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    parents: tuple[Parent, ...] = ()


def survey(files: Mapping[str, Path], *, budget: int = BUDGET) -> Survey:
    """What a folder's files say, by their paths in the folder and their places on disk.

    At most ``budget`` files are looked at, those first that tell most. A file that vanished or
    cannot be read is a note.
    """
    notes: list[str] = []
    looks = list(_looks(files, budget, notes))
    counted = _count(looks, notes)
    speaker = _speaker(looks)
    framework = speaker.framework if speaker else None
    found = Survey(
        facts=Facts(),
        signature=_signature(looks, notes),
        framework=framework,
        framework_version=_version(framework, speaker, looks),
        modules=frozenset().union(*(each.modules for each in looks)),
        parents=_adapted(looks),
    )
    found = _with_card(found, files, notes)
    return replace(found, facts=_facts(looks, counted, notes))


# Which files are looked at.


def _rank(path: str) -> int | None:
    """How much a file may tell by its name: less is more; None for nothing."""
    name = path.rpartition("/")[2].lower()
    if name in _CONFIGS:
        return 0
    stem, _, ending = name.rpartition(".")
    if not stem:
        # No ending: a model may be called just that.
        return 2 if name in ("model", "weights") else None
    if ending in _WRAPPED:
        ending = stem.rpartition(".")[2]
    if ending in _MODELS:
        return 1
    return 2 if ending in _PERHAPS else None


def _looks(files: Mapping[str, Path], budget: int, notes: list[str]) -> Iterable[Look]:
    ranked = sorted((rank, path) for path in files if (rank := _rank(path)) is not None)
    if len(ranked) > budget:
        notes.append(f"Only {budget:,} of {len(ranked):,} files that may tell something were read.")
    for _, path in sorted(ranked[:budget], key=lambda pair: pair[1]):
        try:
            with FileWindow(files[path]) as window:
                found = look(path, window)
        except OSError as error:
            _add_note(notes, f"{path[:200]} cannot be read: {error.strerror or error}.")
            continue
        if found is not None:
            yield found


def _add_note(notes: list[str], sentence: str) -> None:
    if len(notes) < _NOTES and sentence not in notes:
        notes.append(sentence)


# How the looks are folded.


def _count(looks: list[Look], notes: list[str]) -> Counter[str]:
    """The parameters by type, of the format that tells most; copies count once."""
    for formats in _COUNTED:
        groups: dict[tuple[str, str], Counter[str]] = {}
        for each in looks:
            facts = each.facts
            if facts.format in formats and facts.parameters:
                folder, _, name = facts.path.rpartition("/")
                group = groups.setdefault((folder, _SHARD.sub("", name)), Counter())
                group.update(facts.dtypes)
        if groups:
            return _without_copies(groups, notes)
    return Counter()


def _without_copies(groups: dict[tuple[str, str], Counter[str]], notes: list[str]) -> Counter[str]:
    """All groups together, but of those in one folder that are equally many only one."""
    total: Counter[str] = Counter()
    seen: set[tuple[str, int]] = set()
    for (folder, name), dtypes in sorted(groups.items()):
        size = (folder, dtypes.total())
        if size in seen:
            _add_note(notes, f"{name[:200]} was taken for a copy: it has as many parameters.")
            continue
        seen.add(size)
        total.update(dtypes)
    return total


def _facts(looks: list[Look], counted: Counter[str], notes: list[str]) -> Facts:
    files = tuple(each.facts for each in looks)
    said = [each.facts for each in _by_rank(looks)]
    return Facts(
        architecture=_first(facts.architecture for facts in said),
        parameters=counted.total() or None,
        precision=_precision(counted, files),
        dtypes=dict(counted),
        quantization=_first(facts.quantization for facts in said),
        context_length=next((f.context_length for f in said if f.context_length), None),
        files=files,
        notes=tuple(notes),
    )


def _precision(counted: Counter[str], files: tuple[FileFacts, ...]) -> str | None:
    """The type of most parameters; where none were counted, what a configuration says."""
    if counted:
        return max(counted, key=lambda name: (counted[name], name))
    said = (facts.details.get("torch_dtype") for facts in files)
    return next((name for name in said if isinstance(name, str)), None)


def _first(values: Iterable[str | None]) -> str | None:
    return next(filter(None, values), None)


def _by_rank(looks: list[Look]) -> list[Look]:
    """Those whose word counts most come first; of equals the one nearest the top."""
    order = {name: place for place, name in enumerate(_SPEAKERS)}
    return sorted(
        looks,
        key=lambda each: (order.get(each.facts.format, len(order)), each.facts.path.count("/")),
    )


def _speaker(looks: list[Look]) -> Look | None:
    return next((each for each in _by_rank(looks) if each.framework), None)


def _version(framework: str | None, speaker: Look | None, looks: list[Look]) -> str | None:
    if framework is None or speaker is None:
        return None
    same = (each.framework_version for each in looks if each.framework == framework)
    return speaker.framework_version or _first(same)


def _signature(looks: list[Look], notes: list[str]) -> Signature | None:
    """The signature that headers hold, if they hold one and the same."""
    found = [each.signature for each in looks if each.signature is not None]
    if any(each != found[0] for each in found):
        _add_note(notes, "The files hold different signatures, so none was taken.")
        return None
    return found[0] if found else None


def _adapted(looks: list[Look]) -> tuple[Parent, ...]:
    """The models that adapters are made for."""
    bases = dict.fromkeys(each.facts.details.get("base_model") for each in looks)
    names = [name for name in bases if isinstance(name, str) and name]
    return tuple(Parent(reference=name, relation="adapter") for name in names)


# The card.


def _with_card(found: Survey, files: Mapping[str, Path], notes: list[str]) -> Survey:
    """The survey with what the card nearest the top says."""
    cards = [path for path in files if path.rpartition("/")[2].lower() in _CARDS]
    if not cards:
        return found
    path = min(cards, key=lambda path: (path.count("/"), path))
    # Reading YAML is dear, and most folders have no card.
    from lading.formats.modelcard import read_card

    try:
        with FileWindow(files[path]) as window:
            said = read_card(path, window)
    except OSError as error:
        _add_note(notes, f"{path[:200]} cannot be read: {error.strerror or error}.")
        return found
    for note in said.notes:
        _add_note(notes, note)
    return replace(
        found,
        framework=found.framework or said.library,
        card=said.card,
        licenses=said.licenses,
        description=said.description,
        tags=said.tags,
        languages=said.card.languages,
        metrics=said.metrics,
        datasets=said.datasets,
        parents=_joined(said.parents, found.parents),
    )


def _joined(said: tuple[Parent, ...], adapted: tuple[Parent, ...]) -> tuple[Parent, ...]:
    """What the card says and what an adapter says, each model once."""
    relations = {parent.reference: parent.relation for parent in adapted}
    named = tuple(
        parent.model_copy(update={"relation": parent.relation or relations.get(parent.reference)})
        for parent in said
    )
    known = {parent.reference for parent in said}
    return named + tuple(parent for parent in adapted if parent.reference not in known)

"""The best version: which values are compared, which way, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parts.filled import Storage
from parts.registry import DockerRegistry

from lading.errors import InvalidInput, NotFound
from lading.ledger.read import read_book
from lading.ledger.write import record
from lading.operations.best import BestResult, best
from lading.operations.evaluate import evaluate
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.digest import Digest
from lading.spec.event import Draft
from lading.stores.remote.registry import RemoteStore


@pytest.fixture
def model(own_registry: DockerRegistry) -> str:
    return f"{own_registry.host}/ml/a"


@pytest.fixture
def storage(own_registry: DockerRegistry) -> Storage:
    return Storage(own_registry)


def versions(result: BestResult) -> list[str]:
    return [ranked.version for ranked in result.ranking]


def measured(value: float, name: str = "auc", **more: Any) -> dict[str, Any]:
    return {"metrics": [{"name": name, "value": value, **more}]}


def test_the_best_version_is_found_and_the_reason_given(
    tmp_path: Path, place: str, settings: Settings
) -> None:
    (tmp_path / "w.bin").write_bytes(b"w")
    for number, value in enumerate((0.8, 0.95, 0.9)):
        push(
            tmp_path / "w.bin",
            f"{place}:1.{number}.0",
            metrics={"auc": value, "loss": value},
            settings=settings,
        )

    highest = best(place, "auc", settings=settings)
    lowest = best(place, "loss", settings=settings)

    assert (highest.version, highest.value, highest.evidence) == ("1.1.0", 0.95, None)
    assert versions(highest) == ["1.1.0", "1.2.0", "1.0.0"]
    assert (highest.direction, highest.why) == ("maximize", "by its name, higher is better")
    assert (lowest.version, lowest.direction) == ("1.0.0", "minimize")


def test_which_way_is_better_is_asked_then_stated_then_known_by_name(
    storage: Storage, model: str, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", measured(1, "loss", higher_is_better=True))
    storage.version("ml/a", "1.1.0", measured(2, "loss"))
    storage.version("ml/a", "1.2.0", measured(1, "charm"))
    storage.version("ml/a", "1.3.0", measured(2, "charm"))

    stated = best(model, "loss", settings=settings)
    asked = best(model, "loss", maximize=False, settings=settings)
    guessed = best(model, "charm", settings=settings)

    assert (stated.version, stated.why) == ("1.1.0", "its values say that higher is better")
    assert (asked.version, asked.why) == ("1.0.0", "as was asked")
    assert (guessed.version, guessed.direction) == ("1.3.0", "maximize")
    assert guessed.why.startswith("nothing says which way")


def test_values_that_contradict_each_other_about_the_way_are_not_compared(
    storage: Storage, model: str, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", measured(1, higher_is_better=True))
    storage.version("ml/a", "1.1.0", measured(2, higher_is_better=False))

    with pytest.raises(InvalidInput):
        best(model, "auc", settings=settings)


def test_values_of_different_splits_are_not_compared(
    storage: Storage, model: str, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", measured(0.99, split="train"))
    storage.version("ml/a", "1.1.0", measured(0.9, split="test"))

    with pytest.raises(InvalidInput) as refused:
        best(model, "auc", settings=settings)

    assert refused.value.cause == "test, train"
    assert best(model, "auc@test", settings=settings).version == "1.1.0"
    assert best(model, "auc", split="train", settings=settings).version == "1.0.0"
    with pytest.raises(NotFound):
        best(model, "auc", split="holdout", settings=settings)


def test_without_a_split_the_value_that_names_none_counts(
    storage: Storage, model: str, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", measured(0.99, split="train"))
    storage.version("ml/a", "1.1.0", measured(0.9))

    assert versions(best(model, "auc", settings=settings)) == ["1.1.0"]


def test_a_dataset_can_be_asked_for(storage: Storage, model: str, settings: Settings) -> None:
    storage.version("ml/a", "1.0.0", measured(0.99, dataset="s3://easy"))
    storage.version("ml/a", "1.1.0", measured(0.9, dataset="s3://hard"))

    on_any = best(model, "auc", settings=settings)
    on_hard = best(model, "auc", dataset="s3://hard", settings=settings)

    assert on_any.version == "1.0.0"
    assert "2 different datasets" in on_any.notes[0]
    assert (on_hard.version, on_hard.notes) == ("1.1.0", ())
    with pytest.raises(NotFound) as refused:
        best(model, "auc", dataset="s3://none", settings=settings)
    assert "s3://easy" in str(refused.value.hint)


def test_a_stage_and_deprecation_limit_who_takes_part(
    storage: Storage, model: str, own_registry: DockerRegistry, settings: Settings
) -> None:
    digests = [storage.version("ml/a", f"1.{n}.0", measured(n / 10)) for n in range(4)]
    _event(own_registry, settings, digests[1], kind="assigned", stage="prod")
    _event(own_registry, settings, digests[3], kind="deprecated")

    everything = best(model, "auc", settings=settings)
    in_prod = best(model, "auc", stage="prod", settings=settings)

    assert versions(everything) == ["1.2.0", "1.1.0", "1.0.0"]
    assert everything.notes == ("left out, because deprecated: 1.3.0",)
    assert versions(in_prod) == ["1.1.0"]
    with pytest.raises(NotFound):
        best(model, "auc", stage="staging", settings=settings)
    with pytest.raises(InvalidInput, match="has no stage 'PROD'") as unknown:
        best(model, "auc", stage="PROD", settings=settings)
    assert "did you mean prod?" in str(unknown.value.hint)


def _event(registry: DockerRegistry, settings: Settings, digest: Digest, **draft: Any) -> None:
    store = RemoteStore(registry.host, "ml/a", settings)
    whole = Draft(repository="ml/a", digest=digest, actor="ada", **draft)
    record(store, read_book(store), whole, fold=lambda book: book.state())


def test_where_every_version_is_deprecated_that_is_the_reason(
    storage: Storage, model: str, own_registry: DockerRegistry, settings: Settings
) -> None:
    digest = storage.version("ml/a", "1.0.0", measured(0.5))
    _event(own_registry, settings, digest, kind="deprecated")

    with pytest.raises(NotFound) as refused:
        best(model, "auc", settings=settings)

    assert refused.value.cause == "left out, because deprecated: 1.0.0"


def test_of_equal_values_the_newest_version_is_the_best(
    storage: Storage, model: str, settings: Settings
) -> None:
    for version in ("1.9.0", "1.10.0", "1.0.0"):
        storage.version("ml/a", version, measured(0.5))

    assert versions(best(model, "auc", settings=settings)) == ["1.10.0", "1.9.0", "1.0.0"]


def test_a_metric_that_no_version_has_is_answered_with_those_that_there_are(
    storage: Storage, model: str, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", measured(0.5))

    with pytest.raises(NotFound) as refused:
        best(model, "acu", settings=settings)

    assert refused.value.hint == "there are: auc"


def test_evaluations_made_later_win_over_the_documents_own_word_and_the_newest_wins(
    tmp_path: Path, place: str, settings: Settings
) -> None:
    (tmp_path / "w.bin").write_bytes(b"w")
    for number, value in enumerate((0.8, 0.95)):
        push(
            tmp_path / "w.bin",
            f"{place}:1.{number}.0",
            metrics=[{"name": "auc", "value": value, "split": "test"}],
            settings=settings,
        )
    evaluate(f"{place}:1.1.0", {"auc": 0.7}, split="test", settings=settings)
    evaluate(f"{place}:1.0.0", {"auc": 0.85}, split="test", tool="ci", settings=settings)

    result = best(place, "auc@test", settings=settings)

    assert [(r.version, r.value) for r in result.ranking] == [("1.0.0", 0.85), ("1.1.0", 0.7)]
    assert all(ranked.evidence for ranked in result.ranking)


def test_offline_the_best_is_found_among_what_documents_say(
    storage: Storage, model: str, settings: Settings
) -> None:
    storage.version("ml/a", "1.0.0", measured(0.5))
    best(model, "auc", settings=settings)

    result = best(model, "auc", settings=replace(settings, offline=True))

    assert result.version == "1.0.0"
    assert "evaluations that were attached are not known offline" in result.notes


def test_best_takes_a_model_and_no_version(settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        best("ml/fraud:1.0.0", "auc", settings=settings)
    with pytest.raises(InvalidInput):
        best("ml/fraud", "auc@test", split="train", settings=settings)

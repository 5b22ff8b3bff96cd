"""Search with evaluations that were attached: what counts, and what it asks the registry for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.double import Double
from parts.filled import Storage
from parts.registry import DockerRegistry
from policy.cases import DIGEST, NOW, ago, evaluation

from lading.catalogue import flatten
from lading.expressions import Name
from lading.operations.best import best
from lading.operations.evaluate import evaluate
from lading.operations.push import push
from lading.operations.search import SearchResult, search
from lading.operations.searching.evaluated import said_later
from lading.operations.searching.found import FoundVersion
from lading.policy.case import Case
from lading.policy.facts import Facts
from lading.settings import Settings
from lading.spec.evidence import Evidence

NOT_ASKED = "evaluations that were attached were not looked at: --evaluations counts them"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "w.bin"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def storage(own_registry: DockerRegistry) -> Storage:
    return Storage(own_registry)


def versions(result: SearchResult) -> list[str]:
    return [version.version for version in result.versions]


def only(result: SearchResult) -> FoundVersion:
    (version,) = result.versions
    return version


def auc(value: float, **said: Any) -> dict[str, Any]:
    return {"metrics": [{"name": "auc", "value": value}], **said}


# What is found


def test_evaluations_count_in_filters_in_the_order_and_in_what_is_shown(
    model: Path, place: str, settings: Settings
) -> None:
    for number, value in enumerate((0.8, 0.95, 0.85)):
        push(model, f"{place}:1.{number}.0", metrics={"auc@test": value}, settings=settings)
    low = evaluate(f"{place}:1.1.0", {"auc@test": 0.7}, settings=settings)
    high = evaluate(f"{place}:1.0.0", {"auc@test": 0.9, "f1": 0.5}, settings=settings)
    filter_ = "metrics.auc@test > 0.82 ORDER BY metrics.auc@test DESC"

    without = search(filter_, place, settings=settings)
    result = search(filter_, place, evaluations=True, settings=settings)
    everything = search(None, place, evaluations=True, settings=settings)

    assert versions(without) == ["1.1.0", "1.2.0"]
    assert all(not version.evidence for version in without.versions)
    assert versions(result) == ["1.0.0", "1.2.0"]
    first, second = result.versions
    assert first.metrics == {"auc": 0.9, "auc@test": 0.9, "f1": 0.5}
    assert first.evidence == dict.fromkeys(("auc", "auc@test", "f1"), high.evidence)
    assert (second.metrics["auc@test"], second.evidence) == (0.85, {})
    assert result.notes == ()
    shown = {version.version: version for version in everything.versions}
    assert shown["1.1.0"].metrics == {"auc": 0.7, "auc@test": 0.7}
    assert shown["1.1.0"].evidence["auc@test"] == low.evidence
    assert shown["1.2.0"].evidence == {}


def test_a_search_and_the_best_believe_the_same(
    model: Path, place: str, settings: Settings
) -> None:
    for number, value in enumerate((0.8, 0.95, 0.85)):
        push(model, f"{place}:1.{number}.0", metrics={"auc@test": value}, settings=settings)
    evaluate(f"{place}:1.1.0", {"auc@test": 0.7, "auc@train": 0.99}, settings=settings)

    order = "metrics.auc@test DESC"
    result = search(None, place, order_by=order, evaluations=True, settings=settings)

    ranking = best(place, "auc@test", settings=settings).ranking
    assert [
        (each.digest, each.metrics["auc@test"], each.evidence.get("auc@test"))
        for each in result.versions
    ] == [(each.digest, each.value, each.evidence) for each in ranking]


def test_what_an_evaluation_leaves_open_is_not_known(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", metrics={"auc": 0.8}, settings=settings)
    evaluate(f"{place}:1.0.0", {"auc@test": 0.9, "auc@train": 0.99}, settings=settings)

    def found(filter_: str) -> list[str]:
        return versions(search(filter_, place, evaluations=True, settings=settings))

    assert found("metrics.auc > 0") == []
    assert found("metrics.auc IS NULL") == ["1.0.0"]
    assert found("metrics.auc@train > 0.95") == ["1.0.0"]
    whole = only(search(None, place, evaluations=True, settings=settings))
    assert whole.metrics == {"auc@test": 0.9, "auc@train": 0.99}


def test_what_evaluations_alone_say_has_a_name_of_its_own(
    model: Path, place: str, settings: Settings
) -> None:
    for number in range(2):
        push(model, f"{place}:1.{number}.0", metrics={"auc": 0.8}, settings=settings)
    evaluate(f"{place}:1.0.0", {"auc": 0.7}, dataset="s3://hard", settings=settings)

    def found(filter_: str) -> SearchResult:
        return search(filter_, place, evaluations=True, settings=settings)

    assert versions(found("evaluation.auc IS NULL")) == ["1.1.0"]
    assert versions(found("evaluation.auc > 0.5")) == ["1.0.0"]
    on_hard = only(found('metrics."auc@s3://hard" > 0'))
    assert on_hard.metrics == {"auc": 0.7, "auc@s3://hard": 0.7}


def test_a_metric_that_nothing_says_is_told_apart_from_one_not_looked_for(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", metrics={"auc": 0.8}, settings=settings)
    evaluate(f"{place}:1.0.0", {"f1": 0.7}, settings=settings)

    without = search("metrics.f1 > 0.5", place, settings=settings)
    known = search("metrics.f1 > 0.9", place, evaluations=True, settings=settings)
    unknown = search("metrics.f2 > 0.5", place, evaluations=True, settings=settings)

    assert without.notes == ("no version says anything of metrics.f1", NOT_ASKED)
    assert (known.versions, known.notes) == ((), ())
    assert unknown.notes == (
        "no version or evaluation that was looked at says anything of metrics.f2",
    )


@pytest.mark.parametrize(
    ("filter_", "noted"),
    [
        ("metrics.auc > 0.9", True),
        ("evaluation.auc > 0.9 AND tags.team = 'risk'", True),
        ("metrics.auc > 0.1", False),
        ("metrics.auc > 0.9 AND tags.team = 'ads'", False),
        ("metrics.auc > 0.9 AND params.lr > 0", False),
        ("tags.team = 'ads'", False),
    ],
)
def test_evaluations_that_could_change_nothing_are_not_spoken_of(
    model: Path, settings: Settings, filter_: str, noted: bool
) -> None:
    tags = {"team": "risk"}
    push(model, "ml/fraud:1.0.0", metrics={"auc": 0.8}, tags=tags, settings=settings)

    result = search(filter_, "ml/fraud", settings=settings)

    assert (NOT_ASKED in result.notes) is noted


# What it costs

Asked = Callable[..., tuple[list[str], list[str]]]


@pytest.fixture
def asked(own_registry: DockerRegistry, storage: Storage, settings: Settings) -> Asked:
    """Searches ten versions that are known, one of them with an evaluation.

    What is found, and the versions whose evidence was asked for.
    """
    place = f"{own_registry.host}/ml/a"
    digests = {}
    for minor in range(10):
        said = {"tags": {"team": "risk"}} if minor < 4 else {}
        digests[str(storage.version("ml/a", f"1.{minor}.0", auc(minor / 10, **said)))] = minor
    evaluate(f"{place}:1.1.0", {"auc": 0.99}, settings=settings)
    search(None, place, evaluations=True, settings=settings)

    def run(filter_: str | None, **more: Any) -> tuple[list[str], list[str]]:
        own_registry.forget_requests()
        result = search(filter_, place, evaluations=True, settings=settings, **more)
        paths = [request.path for request in own_registry.requests()]
        assert paths.pop(0) == "/v2/ml/a/tags/list?n=1000"
        lists = [path.rpartition("/manifests/sha256-")[2] for path in paths]
        return versions(result), sorted(f"1.{digests[f'sha256:{name}']}.0" for name in lists)

    return run


def test_only_versions_that_the_rest_of_the_filter_leaves_are_asked_for(asked: Asked) -> None:
    risk = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]

    assert asked("metrics.auc > 0.25 AND tags.team = 'risk'") == (["1.3.0", "1.1.0"], risk)
    assert asked("NOT (metrics.auc <= 0.25 OR version > '1.3.0')") == (["1.3.0", "1.1.0"], risk)
    assert asked("metrics.auc IS NOT NULL AND version < '1.2.0'")[1] == ["1.0.0", "1.1.0"]
    assert asked("metrics.auc IS NULL AND version < '1.2.0'") == ([], ["1.0.0", "1.1.0"])
    # A tag that is not there does not become the one that is asked for.
    assert asked("NOT tags.team = 'risk' AND metrics.auc > 0") == ([], [])


def test_versions_that_are_found_anyway_are_asked_for_only_to_be_shown(asked: Asked) -> None:
    assert asked("version >= '1.8.0'") == (["1.9.0", "1.8.0"], ["1.8.0", "1.9.0"])
    assert asked(None, limit=1) == (["1.9.0"], ["1.9.0"])
    either = "version > '1.2.0' OR metrics.auc > 0.95"
    assert asked(either, limit=1) == (["1.9.0"], ["1.0.0", "1.1.0", "1.2.0", "1.9.0"])


def test_an_order_by_a_metric_asks_for_all_that_match(asked: Asked) -> None:
    order = "metrics.auc DESC"

    result = asked("tags.team = 'risk'", order_by=order, limit=2)

    assert result == (["1.1.0", "1.3.0"], ["1.0.0", "1.1.0", "1.2.0", "1.3.0"])
    assert asked("tags.team = 'risk'", order_by="created", limit=1)[1] == ["1.3.0"]


def test_an_evaluation_is_read_once_and_one_that_came_meanwhile_is_seen(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{own_registry.host}/ml/a"
    storage.version("ml/a", "1.0.0", auc(0.5))

    def run() -> tuple[float, int]:
        own_registry.forget_requests()
        version = only(search("metrics.auc > 0", place, evaluations=True, settings=settings))
        return version.metrics["auc"], len(own_registry.requests())

    run()
    assert run() == (0.5, 1 + 1)
    evaluate(f"{place}:1.0.0", {"auc": 0.9}, settings=settings)
    # The tags changed, too, where the registry has no list of referrers but in a tag.
    value, _ = run()
    assert value == 0.9
    assert run() == (0.9, 1 + 1)


def test_what_one_repository_tells_of_its_registry_is_not_asked_of_the_others(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    names = [f"ml/model{number}" for number in range(5)]
    for name in names:
        storage.version(name, "1.0.0", auc(0.5))
    places = [f"{own_registry.host}/{name}" for name in names]
    search("metrics.auc > 0", places, settings=settings)
    settings = replace(settings, jobs=1)

    def requests() -> int:
        own_registry.forget_requests()
        search("metrics.auc > 0", places, evaluations=True, settings=settings)
        return len(own_registry.requests())

    # One list of tags and one of evidence for each; that there is no list but in a tag, once.
    assert requests() == 5 + 5 + 1
    assert requests() == 5 + 5


# When it cannot ask


def test_offline_documents_count_and_a_note_says_so(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{own_registry.host}/ml/a"
    storage.version("ml/a", "1.0.0", auc(0.5))
    storage.version("ml/a", "1.1.0", auc(0.1))
    evaluate(f"{place}:1.0.0", {"auc": 0.9}, settings=settings)
    search(None, place, settings=settings)
    offline = replace(settings, offline=True)
    own_registry.forget_requests()

    filter_ = "metrics.auc = 0.5 OR version > '1.0.0'"
    result = search(filter_, place, evaluations=True, settings=offline)

    assert versions(result) == ["1.1.0", "1.0.0"]
    assert result.notes.count("evaluations that were attached are not known offline") == 1
    assert own_registry.requests() == []


def test_what_is_on_this_machine_is_known_offline(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", metrics={"auc": 0.5}, settings=settings)
    evaluate("ml/fraud:1.0.0", {"auc": 0.9}, settings=settings)

    offline = replace(settings, offline=True)
    result = search("metrics.auc = 0.9", "ml/fraud", evaluations=True, settings=offline)

    assert (versions(result), result.notes) == (["1.0.0"], ())


def test_a_registry_that_is_gone_is_said_once_for_each_repository(
    storage: Storage, own_registry: DockerRegistry, settings: Settings
) -> None:
    for name in ("ml/a", "ml/b"):
        for minor in range(20):
            storage.version(name, f"1.{minor}.0", auc(0.5))
    places = [f"{own_registry.host}/ml/{name}" for name in "ab"]
    search(None, places, settings=settings)
    own_registry.stop()

    result = search("metrics.auc > 0", places, evaluations=True, settings=settings)

    assert len(result.versions) == 40
    (first, second) = [note for note in result.notes if note.startswith("evaluations of ")]
    assert first.startswith(f"evaluations of {places[0]}:")
    assert " and 19 more were not looked at: " in first
    assert second.startswith(f"evaluations of {places[1]}:")


def test_evidence_that_one_repository_keeps_to_itself_hides_no_other(
    model: Path, double: Double, settings: Settings
) -> None:
    for name in "ab":
        place = f"{double.host}/ml/{name}"
        push(model, f"{place}:1.0.0", metrics={"auc": 0.5}, settings=settings)
        evaluate(f"{place}:1.0.0", {"auc": 0.9}, settings=settings)
    places = [f"{double.host}/ml/{name}" for name in "ab"]
    double.fail("GET", "/v2/ml/a/referrers/*", status=403, times=100)

    result = search("metrics.auc > 0", places, evaluations=True, settings=settings)

    assert [version.metrics["auc"] for version in result.versions] == [0.5, 0.9]
    (note,) = result.notes
    assert note.startswith(f"evaluations of {places[0]}:1.0.0 were not looked at: ")


def test_a_registry_that_does_not_answer_is_not_waited_for_again_and_again(
    model: Path, double: Double, settings: Settings
) -> None:
    for minor in range(6):
        push(model, f"{double.host}/ml/a:1.{minor}.0", metrics={"auc": 0.5}, settings=settings)
    failing = double.fail("GET", "/v2/ml/a/referrers/", status=503, times=100)
    settings = replace(settings, jobs=1, retries=0)

    result = search("metrics.auc > 0", f"{double.host}/ml/a", evaluations=True, settings=settings)

    assert len(result.versions) == 6
    assert failing.hits == 1
    assert " and 5 more were not looked at: " in result.notes[0]


def test_what_an_evaluation_from_the_future_says_is_not_known(
    model: Path, place: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0.0", "1.1.0"):
        push(model, f"{place}:{version}", metrics={"auc": 0.8}, settings=settings)
    with monkeypatch.context() as clock:
        clock.setattr("lading.operations.evaluate.now", lambda: "2999-01-01T00:00:00Z")
        evaluate(f"{place}:1.1.0", {"auc": 0.99}, settings=settings)

    found = search("metrics.auc > 0", place, evaluations=True, settings=settings)
    ranking = best(place, "auc", settings=settings)

    assert versions(found) == [each.version for each in ranking.ranking] == ["1.0.0"]
    for notes in (found.notes, ranking.notes):
        assert ["look at the clocks" in note and ":1.1.0 " in note for note in notes] == [True]


def test_evaluations_that_are_hidden_behind_many_others_are_spoken_of(
    model: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.spec.evidence.MOST_READ", 1)
    push(model, "ml/a:1.0.0", metrics={"auc": 0.8}, settings=settings)
    for value in (0.1, 0.99):
        evaluate("ml/a:1.0.0", {"auc": value}, settings=settings)

    found = search("metrics.auc > 0", "ml/a", evaluations=True, settings=settings)

    assert only(found).metrics == {"auc": 0.8}
    assert "1 pieces were not read" in found.notes[0]


# One meaning

_LABELS = ("auc", "loss", "auc@test", "auc@train", "auc@s3://data")
_METRICS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["auc", "loss", "auc@test"]), "value": st.integers(0, 9)},
        optional={
            "split": st.sampled_from(["test", "train", "s3://data", None]),
            "dataset": st.sampled_from(["test", "s3://data", None]),
            "step": st.integers(0, 3),
            "group": st.sampled_from(["women", None]),
        },
    ),
    max_size=3,
)


@st.composite
def _evaluations(draw: st.DrawFn) -> list[Evidence]:
    """Evaluations of one version, the newest first, and some of them of the future."""
    said = draw(st.lists(_METRICS, max_size=3))
    newest = draw(st.integers(-2, 1))
    return [
        evaluation(ago(days=newest + age), *metrics, digest="abc"[age])
        for age, metrics in enumerate(said)
    ]


@given(_evaluations(), _METRICS)
def test_whatever_evaluations_say_a_search_and_a_gate_take_it_alike(
    evaluations: list[Evidence], metrics: list[dict[str, Any]]
) -> None:
    document = {"metrics": metrics}
    gate = Facts(Case(digest=DIGEST, document=document, evidence=tuple(evaluations), now=NOW))

    said, stated = said_later(evaluations, _LABELS, now=NOW), flatten(document).values

    for label in _LABELS:
        meant = gate(Name.of("metrics", label))
        if label in said:
            assert said[label].value == meant == gate(Name.of("evaluation", label))
        else:
            assert gate(Name.of("evaluation", label)) is None
            # Only gates look for a dataset in a document.
            assert stated.get(f"metrics.{label}") in (meant, None)


def test_of_a_hostile_evaluation_only_so_much_is_kept_and_what_is_asked_for_is() -> None:
    metrics = [{"name": f"m{number}", "value": 1, "split": "x"} for number in range(5000)]
    metrics[0]["name"] = "m" * 500_000

    said = said_later([evaluation(ago(days=1), *metrics)], ["m7@x"])

    assert len(said) <= 2000
    assert max(map(len, said)) < 300
    assert said["m7@x"].value == 1

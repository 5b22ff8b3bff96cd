"""Who is believed about a metric."""

from __future__ import annotations

from policy.cases import ago, evaluation

from lading.catalogue import KnownRepository, KnownVersion, Measured, RepositoryState
from lading.operations.searching.claims import Claim, claimed, standing
from lading.operations.searching.evaluated import said_later
from lading.operations.searching.refresh import Looked
from lading.operations.searching.rows import Row
from lading.spec.reference import Reference

PLACE = Reference("ml/a")
LOOKED = Looked(PLACE, KnownRepository("ml/a", RepositoryState(), ()))
ROW = Row(LOOKED, "ml/a", KnownVersion("1.0.0", "sha256:" + "0" * 64, "", 0, 1, None))


def claim(value: float, evidence: str | None = None, created: str | None = None) -> Claim:
    return Claim(ROW, Measured("auc", value, "test"), evidence, created)


def test_the_newest_evaluation_wins_whatever_order_they_come_in() -> None:
    old = claim(0.9, "a", "2026-03-01T12:00:00+02:00")
    new = claim(0.7, "b", "2026-03-01T11:00:00Z")

    for claims in ([old, new, claim(0.99)], [claim(0.99), new, old], [new, claim(0.99), old]):
        assert standing(claims) == [new]


def test_of_equally_new_evaluations_the_one_counts_that_gates_and_searches_take() -> None:
    metrics = [{"name": "auc", "value": value, "split": "test"} for value in (0.7, 0.9)]
    pieces = [
        evaluation(ago(days=1), metric, digest=digest)
        for metric, digest in zip(metrics, "cb", strict=True)
    ]

    (found,) = standing(claimed(ROW, pieces))

    assert found.measured.value == said_later(pieces, ())["auc@test"].value == 0.7


def test_of_a_documents_own_values_the_last_counts() -> None:
    assert standing([claim(0.5), claim(0.6)]) == [claim(0.6)]


def test_each_split_has_a_value_of_its_own() -> None:
    train = Claim(ROW, Measured("auc", 0.99, "train"))

    assert standing([train, claim(0.7)]) == [train, claim(0.7)]

"""Which way a metric is better, by its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.spec.direction import direction_of


@pytest.mark.parametrize(
    "name",
    ["loss", "val_loss", "eval/loss", "testRMSE", "log_loss", "mean_absolute_error", "error-rate",
     "p95_latency_ms", "perplexity", "WER", "cross_entropy", "train.mae", "rmse2", "psi"],
)  # fmt: skip
def test_errors_and_costs_are_minimised(name: str) -> None:
    assert direction_of(name) == "minimize"


@pytest.mark.parametrize(
    "name",
    ["auc", "accuracy", "val_acc", "f1", "macro_f1", "r2", "rougeL", "ROC-AUC", "ndcg@10",
     "neg_mean_squared_error", "neg_log_loss", "precision"],
)  # fmt: skip
def test_scores_are_maximised(name: str) -> None:
    assert direction_of(name) == "maximize"


@pytest.mark.parametrize("name", ["helpfulness", "glossary", "closs", "x", "42", "", "neg_things"])
def test_other_names_do_not_tell(name: str) -> None:
    assert direction_of(name) is None


@given(st.text())
def test_any_name_may_be_asked_about(name: str) -> None:
    assert direction_of(name) in ("maximize", "minimize", None)

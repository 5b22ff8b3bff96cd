"""Which way a metric is better, as far as its name tells."""

from __future__ import annotations

import re
from typing import Final, Literal

Direction = Literal["maximize", "minimize"]

# Words of a metric's name, of which one is enough.
_LOWER: Final = frozenset(
    {
        "aic", "bic", "brier", "cer", "cost", "cross", "crossentropy", "deviance",
        "distance", "divergence", "drift", "duration", "ece", "eer", "err", "error",
        "errors", "far", "fid", "fnr", "fpr", "frr", "hinge", "impurity", "kid", "kl",
        "latency", "logloss", "loss", "losses", "mae", "mape", "mase", "mce", "medae",
        "mer", "misclassification", "mse", "msle", "nll", "perplexity", "ppl", "psi",
        "regret", "rmse", "rmsle", "rse", "runtime", "smape", "wape", "wer", "wmape",
    }
)  # fmt: skip
_HIGHER: Final = frozenset(
    {
        "acc", "accuracy", "ap", "auc", "auprc", "auroc", "bertscore", "bleu", "chrf",
        "correlation", "dice", "f1", "fbeta", "fscore", "gini", "hit", "iou", "kappa",
        "likelihood", "map", "mcc", "meteor", "miou", "mrr", "ndcg", "pearson", "precision",
        "r2", "recall", "rouge", "roc", "score", "sensitivity", "spearman", "specificity",
        "throughput", "tnr", "tpr",
    }
)  # fmt: skip
# scikit-learn turns losses round, so that higher is better: neg_mean_squared_error.
_TURNED: Final = frozenset({"neg", "negative"})
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+")


def direction_of(metric: str) -> Direction | None:
    """Whether more or less of a metric is better; None where its name does not tell.

    ``val_loss``, ``testRMSE`` and ``p95_latency_ms`` are minimised, ``neg_log_loss`` is not.
    """
    words = {word.lower() for word in _WORD.findall(metric)}
    words |= {word.rstrip("0123456789") for word in words} - {""}
    if words & _TURNED:
        return "maximize" if words & _LOWER else None
    if words & _LOWER:
        return "minimize"
    return "maximize" if words & _HIGHER else None

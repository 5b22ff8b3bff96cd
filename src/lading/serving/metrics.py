"""Figures for Prometheus: name, version and digest of the model are labels on every series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from lading.serving.counted import Family, Sample
from lading.serving.model import Model
from lading.serving.shadow import Shadow
from lading.serving.tally import Spread, Tally

_MODEL: Final = ("model", "version", "digest")
_SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)
_ROWS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096, 16384)
CONTENT_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"


def labels_of(model: Model) -> dict[str, str]:
    """What every series of a model carries."""
    return {"model": model.name, "version": model.version, "digest": model.digest}


@dataclass(slots=True)
class Figures:
    """The series of one model."""

    labels: dict[str, str]
    ready: Any
    waiting: Any
    asked_rows: Tally = field(default_factory=Tally)
    batch: Spread = field(default_factory=lambda: Spread(_ROWS))
    model_seconds: Spread = field(default_factory=lambda: Spread(_SECONDS))
    # By endpoint and status, and by endpoint.
    requests: dict[tuple[str, int], Tally] = field(default_factory=lambda: defaultdict(Tally))
    seconds: dict[str, Spread] = field(
        default_factory=lambda: defaultdict(lambda: Spread(_SECONDS))
    )


class Metrics:
    """Every series of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._figures: dict[str, Figures] = {}
        self._registry.register(_Counted(self._figures))
        self._waiting = Gauge(
            "lading_waiting", "Requests that wait for the model.", _MODEL, registry=self._registry
        )
        self._ready = Gauge(
            "lading_ready", "Whether this model is served now.", _MODEL, registry=self._registry
        )
        self._loading = Gauge(
            "lading_load_seconds", "What loading it took.", _MODEL, registry=self._registry
        )
        self._reloads = Counter(
            "lading_reloads",
            "Models that the stage brought.",
            (*_MODEL, "outcome"),
            registry=self._registry,
        )

    def of(self, model: Model) -> Figures:
        """The series of a model."""
        found = self._figures.get(model.digest)
        if found is None:
            labels = labels_of(model)
            found = Figures(
                labels,
                self._ready.labels(**labels),
                self._waiting.labels(**labels),
            )
            self._figures[model.digest] = found
        return found

    def answered(self, model: Model, endpoint: str, status: int, seconds: float) -> None:
        """Count a request."""
        figures = self.of(model)
        figures.requests[endpoint, status].inc()
        figures.seconds[endpoint].observe(seconds)

    def loaded(self, model: Model, seconds: float) -> None:
        """Say how long loading took."""
        self._loading.labels(**labels_of(model)).set(seconds)

    def reloaded(self, model: Model, outcome: str) -> None:
        """Count what a stage brought: ``swapped`` or ``failed``, by the model that is served."""
        self._reloads.labels(**labels_of(model), outcome=outcome).inc()

    def watch(self, shadow: Shadow, served: Callable[[], Model]) -> None:
        """Show how a shadow differs from what is served."""
        self._registry.register(_ShadowFigures(shadow, served))

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def families(self) -> list[Family]:
        """Everything, as it is added to what others counted."""
        return [
            Family(
                metric.name,
                metric.type,
                metric.documentation,
                tuple(
                    Sample(each.name, tuple(sorted(each.labels.items())), each.value)
                    for each in metric.samples
                ),
                getattr(metric, "window", ()),
            )
            for metric in self._registry.collect()
        ]


def text_of(families: Sequence[Family]) -> bytes:
    """What several counted, as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(families))
    return generate_latest(registry)


class _Told(Collector):
    """Series that were counted elsewhere."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Each as it was told."""
        for family in self._families:
            metric = Metric(family.name, family.help, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric


class _Counted(Collector):
    """What is counted with each request, of every model that was served."""

    def __init__(self, figures: Mapping[str, Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """The series as they are now."""
        requests = Metric("lading_requests", "Requests answered.", "counter")
        rows = Metric("lading_rows", "Rows the model was asked about.", "counter")
        seconds = Metric(
            "lading_request_seconds",
            "From the first byte of a request to the last of its answer.",
            "histogram",
        )
        model = Metric("lading_model_seconds", "What the model took.", "histogram")
        batch = Metric("lading_batch_requests", "Requests asked together.", "histogram")
        for each in self._figures.values():
            for (endpoint, status), tally in each.requests.items():
                labels = {**each.labels, "endpoint": endpoint, "status": str(status)}
                requests.add_sample("lading_requests_total", labels, tally.value)
            rows.add_sample("lading_rows_total", each.labels, each.asked_rows.value)
            for endpoint, spread in each.seconds.items():
                _add(seconds, {**each.labels, "endpoint": endpoint}, spread)
            _add(model, each.labels, each.model_seconds)
            _add(batch, each.labels, each.batch)
        return requests, seconds, model, rows, batch


def _add(metric: Metric, labels: dict[str, str], spread: Spread) -> None:
    for bound, count in spread.buckets():
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, count)
    metric.add_sample(f"{metric.name}_count", labels, spread.count)
    metric.add_sample(f"{metric.name}_sum", labels, spread.total)


class _ShadowFigures(Collector):
    """Counts and quantiles of the differences between two models."""

    def __init__(self, shadow: Shadow, served: Callable[[], Model]) -> None:
        self._shadow = shadow
        self._served = served

    def collect(self) -> Iterable[Metric]:
        """The series as they are now."""
        shadow = self._shadow
        labels = {
            **labels_of(self._served()),
            "shadow_version": shadow.model.version,
            "shadow_digest": shadow.model.digest,
        }
        counted = Metric(
            "lading_shadow", "Requests that a shadow was asked, by outcome.", "counter"
        )
        for outcome, number in shadow.counts().items():
            counted.add_sample("lading_shadow_total", {**labels, "outcome": outcome}, number)
        yield counted
        differed = Metric(
            "lading_shadow_difference",
            "The largest difference between two numbers of an answer, of the last requests.",
            "summary",
        )
        seen = shadow.differences()
        # Whoever adds this to others' makes quantiles of all.
        differed.window = tuple(seen.last)  # type: ignore[attr-defined]  # for ``families`` only
        for quantile, value in seen.quantiles.items():
            differed.add_sample(
                "lading_shadow_difference", {**labels, "quantile": f"{quantile:g}"}, value
            )
        differed.add_sample("lading_shadow_difference_count", labels, seen.count)
        differed.add_sample("lading_shadow_difference_sum", labels, seen.total)
        yield differed

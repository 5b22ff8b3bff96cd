"""Counting by hand, held against the client library that counts otherwise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Histogram

from lading.serving.metrics import Metrics
from lading.serving.tally import Spread

BOUNDS = (0.001, 0.5, 1.0, 16384)


@given(st.lists(st.sampled_from(BOUNDS) | st.floats(0, 20_000)))
def test_a_spread_is_what_the_client_library_counts(values: list[float]) -> None:
    ours, theirs = Spread(BOUNDS), Histogram("x", "x", buckets=BOUNDS, registry=None)

    for value in values:
        ours.observe(value)
        theirs.observe(value)

    samples = {
        (each.name, each.labels.get("le")): each.value
        for metric in theirs.collect()
        for each in metric.samples
    }
    assert all(samples["x_bucket", bound] == count for bound, count in ours.buckets())
    assert samples["x_count", None] == ours.count
    assert samples["x_sum", None] == ours.total


def test_a_server_that_answered_nobody_has_figures_that_can_be_read() -> None:
    assert b"lading_requests" in Metrics().text()

"""Who waits for a registry is told what for."""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from parts.double import Double

from lading.errors import Unavailable
from lading.settings import Settings
from lading.stores.remote import client, silence
from lading.stores.remote.origin import Origin
from lading.stores.remote.registry import RemoteStore

REGISTRY = Origin("https", "registry.example.com", 443)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience for tests: a quarter of a second."""
    monkeypatch.setattr(silence, "PATIENCE", 0.25)
    monkeypatch.setattr(silence, "_LOOK", 0.05)
    monkeypatch.setattr(client, "PATIENCE", 0.25)
    monkeypatch.setattr(client, "backoff", lambda failures: 0.01)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=3, timeout=20)


def test_a_registry_that_keeps_silent_is_named_once_while_it_does(
    double: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    double.fail("GET", "tags/list", delay=1.0)
    store = RemoteStore(double.host, "ml/fraud", settings)
    double.put_manifest("ml/fraud", b"{}", "application/vnd.oci.image.manifest.v1+json", "a")

    assert list(store.names()) == ["a"]

    assert caplog.messages == [f"{double.host} does not answer yet; waiting for up to 20 s"]


def test_a_registry_that_answers_is_not_spoken_of(
    double: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    double.fail("GET", "tags/list", status=503, times=2)
    double.put_manifest("ml/fraud", b"{}", "application/vnd.oci.image.manifest.v1+json", "a")
    store = RemoteStore(double.host, "ml/fraud", settings)

    for _ in range(3):
        assert list(store.names()) == ["a"]

    assert caplog.messages == []


def test_each_try_is_told_to_who_has_waited(
    double: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    double.fail("GET", "tags/list", delay=1.0, times=3)
    store = RemoteStore(double.host, "ml/fraud", replace(settings, timeout=0.4, retries=2))

    with pytest.raises(Unavailable):
        list(store.names())

    tries = [message for message in caplog.messages if "try" in message]
    assert tries == [
        f"{double.host} does not answer: timed out; try {number} of 3 in 0 s" for number in (2, 3)
    ]


def test_a_long_pause_that_the_registry_asks_for_is_told(
    double: Double, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    double.fail("GET", "tags/list", status=429, headers={"Retry-After": "1"})
    double.put_manifest("ml/fraud", b"{}", "application/vnd.oci.image.manifest.v1+json", "a")
    store = RemoteStore(double.host, "ml/fraud", settings)

    assert list(store.names()) == ["a"]

    assert caplog.messages == [f"{double.host} is not ready (429); try 2 of 4 in 1 s"]


def test_nobody_watches_when_nothing_is_waited_for(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        store = RemoteStore(host, "ml/fraud", replace(settings, timeout=0.1, retries=0))
        with pytest.raises(Unavailable):
            list(store.names())

    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _watchers():
        time.sleep(0.02)
    assert _watchers() == []


def test_a_long_wait_is_told_once_while_other_requests_are_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = silence.Silence(60)
    end = time.monotonic() + 1

    with watch.broken_by(REGISTRY):
        while time.monotonic() < end:
            with watch.broken_by(REGISTRY):
                time.sleep(0.01)

    assert len(caplog.messages) == 1


def test_nothing_fails_where_no_thread_can_be_begun(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    watch = silence.Silence(60)
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", none_left)
        with watch.broken_by(REGISTRY):
            pass
    with watch.broken_by(REGISTRY):
        time.sleep(0.5)

    assert len(caplog.messages) == 1


def _watchers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "lading-silence"]


def test_the_watch_is_a_warning_of_the_library(caplog: pytest.LogCaptureFixture) -> None:
    with silence.Silence(60).broken_by(REGISTRY):
        time.sleep(0.5)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages == ["registry.example.com does not answer yet; waiting for up to 60 s"]

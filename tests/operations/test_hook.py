"""Serving the hooks of registries from a program."""

from __future__ import annotations

import http.client
import json
import threading

import pytest
from hooks.test_notifications import distribution
from operations.team import ADA, Team

import lading
from lading.errors import InvalidInput


class Enough(Exception):
    """What a caller raises to end it."""


def test_assign_is_promote_by_another_name() -> None:
    assert lading.assign is lading.promote


def test_a_program_is_told_as_soon_as_a_registry_says_so(
    local: Team,
) -> None:
    ready, told = threading.Event(), []
    ports: list[int] = []

    def take(event: lading.EventResult) -> None:
        told.append((event.kind, event.stage, event.actor))
        raise Enough

    def listening(port: int) -> None:
        ports.append(port)
        ready.set()

    def serving() -> None:
        with pytest.raises(Enough):
            lading.hook_serve(
                local.place,
                on_event=take,
                listen="127.0.0.1:0",
                stage="prod",
                from_start=True,
                interval=600,
                on_ready=listening,
                settings=local.settings,
            )

    thread = threading.Thread(target=serving, daemon=True)
    thread.start()
    assert ready.wait(20)
    lading.assign(f"{local.place}:1.0.0", "prod", settings=local.settings)
    # Where the first look was over already, the next one would come in ten minutes.
    _notify(ports[0])
    thread.join(30)

    assert told == [("assigned", "prod", ADA)]


def test_an_address_that_others_reach_needs_a_secret(local: Team) -> None:
    with pytest.raises(InvalidInput, match="anybody could send"):
        lading.hook_serve("ml/fraud", on_event=print, listen="0.0.0.0:0", settings=local.settings)


def _notify(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        said = json.dumps({"events": [distribution()]})
        headers = {"Content-Type": "application/vnd.docker.distribution.events.v1+json"}
        connection.request("POST", "/notifications", said, headers)
        connection.getresponse().read()
    except OSError:
        return  # it ended meanwhile
    finally:
        connection.close()

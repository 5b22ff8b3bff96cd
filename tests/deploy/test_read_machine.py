"""Files for one machine, read again, and made to run another version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from deploy import given as g
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lading.deploy import kinds
from lading.deploy.engines import Podman
from lading.deploy.lint import lint
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.read_machine import documents, elsewhere, moved, running
from lading.deploy.wish import Facts, Kind, Wish
from lading.errors import InvalidInput, LadingError, Unsupported
from lading.spec.digest import Digest

NEXT = Pins(
    Runs(g.PLACE, Digest.of(b"next"), "1.3.0", "prod", Digest.of(b"later")),
    Serving(f"{g.PLACE}@{Digest.of(b'next server')}", holds_model=False),
)
PULLED = replace(g.PINS, puller=g.CLIENT)
KINDS = st.sampled_from(["compose", "podman"])
PODMANS = st.sampled_from([Podman(4, 9), Podman(5, 0), Podman(5, 3), Podman(5, 8)])


def files(kind: Kind, pins: Pins = g.PINS, facts: Facts = g.FACTS, **more: Any) -> dict[str, str]:
    wish = Wish(**{"kind": kind, "name": "fraud", **more})
    return kinds.written(kinds.resources(pins, facts, wish), wish)


# Nothing may be for what it is not for, so that documents are always made.
anything = Facts(1234, "scikit-learn")


wishes = st.builds(
    Wish,
    kind=KINDS,
    name=g.names,
    podman=PODMANS,
    allow_pickle=st.booleans(),
    credentials=st.just("login"),
)


@settings(max_examples=30)
@given(g.pins, g.pins, wishes)
def test_files_that_follow_are_those_that_would_be_written(
    pins: Pins, other: Pins, wish: Wish
) -> None:
    other = replace(
        other,
        serving=replace(other.serving, holds_model=pins.serving.holds_model),
        puller=pins.puller,
    )
    # No two things have one digest, or nobody could tell them apart.
    assume(len({pins.runs.reference, pins.serving.reference, pins.puller}) == 3)
    before = kinds.written(kinds.resources(pins, anything, wish), wish)
    wanted = kinds.written(kinds.resources(other, anything, wish), wish)

    now = moved(before, replace(other, puller=running(before).puller))

    # What was not said before stands elsewhere among labels.
    assert documents(now) == documents(wanted)
    if all(getattr(pins.runs, each) for each in ("version", "stage", "event")):
        said = [each for each in ("version", "stage", "event") if getattr(other.runs, each)]
        assert len(said) < 3 or now == wanted


@settings(max_examples=30)
@given(g.pins, KINDS, PODMANS, g.names)
def test_what_runs_is_read_whoever_runs_it(
    pins: Pins, kind: Kind, podman: Podman, name: str
) -> None:
    assume(len({pins.runs.reference, pins.serving.reference, pins.puller}) == 3)
    made = files(kind, pins, anything, name=name, podman=podman)

    found = running(made)

    assert found.reference == pins.runs.reference
    assert (found.version, found.stage, found.event) == (
        pins.runs.version,
        pins.runs.stage,
        pins.runs.event,
    )
    assert (found.serving, found.kind, found.name) == (pins.serving.reference, kind, name)
    assert (found.way == "held") == pins.serving.holds_model
    assert lint(documents(made)) == ()
    assert not list(elsewhere(documents(made)))


@pytest.mark.parametrize(
    ("kind", "pins", "podman", "way", "puller"),
    [
        ("compose", g.PINS, Podman(), "mounted", None),
        ("compose", PULLED, Podman(), "pulled", g.CLIENT),
        ("podman", g.PINS, Podman(), "mounted", None),
        ("podman", PULLED, Podman(), "pulled", g.CLIENT),
        # Its units mount what its pod pulls.
        ("podman", g.PINS, Podman(5, 0), "mounted", None),
        ("podman", g.PINS, Podman(4, 9), "mounted", None),
    ],
)
def test_how_the_model_comes_is_read(
    kind: Kind, pins: Pins, podman: Podman, way: str, puller: str | None
) -> None:
    found = running(files(kind, pins, podman=podman))

    assert (found.way, found.puller) == (way, puller)


@pytest.mark.parametrize("kind", ["compose", "podman"])
def test_only_what_names_the_version_changes_and_comments_stay(kind: Kind) -> None:
    before = {name: f"# Ask us first.\n{text}" for name, text in files(kind, PULLED).items()}
    before = {name: text.replace("127.0.0.1:", "0.0.0.0:") for name, text in before.items()}

    after = moved(before, replace(NEXT, puller=g.CLIENT))

    old, new = "\n".join(before.values()).split("\n"), "\n".join(after.values()).split("\n")
    changed = [line for line, other in zip(old, new, strict=True) if line != other]
    marks = (g.MODEL, g.MODEL.short, g.EVENT, g.SERVER, "1.2.0")
    assert changed
    assert all(any(mark in line for mark in marks) for line in changed)
    assert not [text for text in after.values() if any(mark in text for mark in marks)]


def test_a_stage_that_is_followed_no_more_is_said_no_more_and_another_is() -> None:
    bare = replace(NEXT, runs=replace(NEXT.runs, stage=None, event=None))
    for kind in ("compose", "podman"):
        before = files(kind)
        without = moved(before, bare)

        assert without == files(kind, bare)
        assert "dev.lading/stage" not in "".join(without.values())
        # Said again, it stands last.
        assert running(moved(without, NEXT)) == running(files(kind, NEXT))


def test_windows_line_ends_stay() -> None:
    before = {name: text.replace("\n", "\r\n") for name, text in files("podman").items()}

    after = moved(before, NEXT)

    assert after == {
        name: text.replace("\n", "\r\n") for name, text in files("podman", NEXT).items()
    }


OTHER = f"r.io/other@{Digest.of(b'other')}"


@pytest.mark.parametrize(
    ("kind", "name", "before", "after", "error"),
    [
        ("compose", "compose.yaml", "services:\n", f"services:\n  x: {{image: '{OTHER}'}}\n", 0),
        ("compose", "compose.yaml", "dev.lading/model:", "dev.lading/other:", InvalidInput),
        ("compose", "compose.yaml", f"{g.PLACE}\n", "/etc\n", InvalidInput),
        ("compose", "compose.yaml", "    image:", "    picture:", 0),
        ("compose", "compose.yaml", "name: fraud", "name: &a fraud", InvalidInput),
        ("podman", "fraud.container", "[Service]", f"Mount=source={OTHER}\n[Service]", 0),
        ("podman", "fraud.container", "[Service]", f"Label=x={g.EVENT}\n[Service]", 0),
        ("podman", "fraud.container", "[Service]", "Label=a=b\nLabel=a=c\n[Service]", InvalidInput),
        ("podman", "fraud.container", "[Service]", "Exec=one \\\ntwo\n[Service]", InvalidInput),
        ("podman", "fraud.container", "[Unit]\n", "", InvalidInput),
        ("podman", "fraud.container", "dev.lading/digest=sha256", "dev.lading/digest=md5", 0),
        ("podman", "pod.yaml", g.MODEL, Digest.of(b"another"), InvalidInput),
    ],
)
def test_whatever_somebody_wrote_is_read_or_refused(
    kind: Kind, name: str, before: str, after: str, error: Any
) -> None:
    made = files(kind)
    assert before in made[name]
    made[name] = made[name].replace(before, after)

    with pytest.raises(error or LadingError):
        running(made)


def test_a_digest_that_nobody_knows_is_said_with_its_place() -> None:
    made = files("podman")
    made["fraud.container"] += f"\n[X-Own]\nOther={OTHER}\n"

    with pytest.raises(Unsupported, match=r"nothing says what r\.io/other") as caught:
        running(made)

    assert "Own.Other" in str(caught.value.cause) or "Other" in str(caught.value.cause)


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("compose.yaml", "include: [other.yaml]\n", "compose.yaml..include"),
        ("compose.yaml", "services: {x: {build: .}}\n", "compose.yaml.x.build"),
        ("compose.yaml", "services: {x: {extends: {file: a}}}\n", "compose.yaml.x.extends"),
        ("x.container", "[Container]\nRootfs=/\n", "x.container.Container.Rootfs"),
        ("x.kube", "[Kube]\nYaml=a.yaml\n", "x.kube.Kube.Yaml"),
    ],
)
def test_what_would_run_something_from_elsewhere_is_told(name: str, text: str, where: str) -> None:
    assert list(elsewhere(documents({name: text}))) == [where]


@given(st.text(max_size=200))
def test_any_text_is_a_unit_or_refused(text: str) -> None:
    try:
        documents({"x.container": text})
    except InvalidInput as refused:
        assert refused.what

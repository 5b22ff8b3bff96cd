"""What a folder runs, read from its digests; and the same for another version."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from deploy import given as g
from deploy.asked import Case
from deploy.test_laws import documents
from hypothesis import assume, given
from parts.laws import tries

from lading.deploy import kinds, kustomize, text, values
from lading.deploy.kserve_version import Storage
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.read import moved, moved_values, named, running
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Kind, Wish
from lading.errors import InvalidInput, LadingError, Unsupported
from lading.spec.digest import Digest

NEXT = Pins(
    Runs(g.PLACE, Digest.of(b"next"), "1.3.0", "prod", Digest.of(b"promoted")),
    Serving(f"{g.PLACE}@{Digest.of(b'next server')}", holds_model=False),
)


def digests(kind: Kind = "deployment", pins: Pins = g.PINS) -> str:
    made = kinds.resources(pins, g.FACTS, g.wish(kind, namespace="ml"))
    return kustomize.files(made)[kustomize.DIGESTS]


def bare(kind: Kind = "deployment", pins: Pins = g.PINS) -> tuple[Resource, ...]:
    return kustomize.split(kinds.resources(pins, g.FACTS, g.wish(kind, namespace="ml")))[0]


@pytest.mark.parametrize("kind", g.KINDS)
def test_another_version_is_what_would_be_written_for_it(kind: Kind) -> None:
    assert moved(digests(kind), NEXT, bare(kind)) == digests(kind, NEXT)


@pytest.mark.parametrize("kind", g.KINDS)
def test_there_and_back_is_where_it_began_comments_and_all(kind: Kind) -> None:
    written = "# Asked for in TICKET-7\n" + digests(kind).replace(
        "    dev.lading/model:", "    # Of the fraud team:\n    dev.lading/model:", 1
    )

    there = moved(written, NEXT, bare(kind))

    assert [line for line in there.splitlines() if "#" in line] == [
        "# Asked for in TICKET-7",
        "    # Of the fraud team:",
    ]
    assert moved(there, g.PINS, bare(kind)) == written


def test_a_diff_has_lines_with_digests_versions_and_events_only() -> None:
    before = digests()

    after = moved(before, NEXT, bare())

    changed = [
        line
        for line, other in zip(before.splitlines(), after.splitlines(), strict=True)
        if line != other
    ]
    assert len(changed) == 7
    assert all("sha256:" in line or "dev.lading/version" in line for line in changed)


@pytest.mark.parametrize(
    ("kind", "way"),
    [("deployment", "mounted"), ("init", "pulled"), ("pod", "mounted"), ("job", "mounted")],
)
def test_what_runs_is_read(kind: Kind, way: str) -> None:
    found = running(digests(kind))

    assert found.reference == g.PINS.runs.reference
    assert (found.version, found.stage, found.event) == ("1.2.0", "prod", g.EVENT)
    assert (found.serving, found.puller, found.way, found.name) == (g.SERVER, None, way, "fraud")


def test_a_puller_of_its_own_stays() -> None:
    before = digests("init", replace(g.PINS, puller=g.CLIENT))

    after = moved(before, replace(NEXT, puller=running(before).puller), bare("init"))

    assert running(after).puller == g.CLIENT
    assert running(after).serving == NEXT.serving.reference


CAR = f"{g.PLACE}@{Digest.of(b'car')}"
NEXT_CAR = f"{g.PLACE}@{Digest.of(b'next car')}"


@pytest.mark.parametrize(
    ("storage", "way"),
    [("native", "mounted"), ("lading", "mounted"), ("modelcar", "beside"), ("image", "held")],
)
def test_documents_for_kserve_follow_as_well(storage: Storage, way: str) -> None:
    here, there = (
        replace(each, puller=g.CLIENT, serving=replace(each.serving, holds_model=way == "held"))
        for each in (g.PINS, NEXT)
    )
    pins, other = replace(here, modelcar=CAR), replace(there, modelcar=NEXT_CAR)
    asked = g.wish("kserve", kserve_storage=storage)
    first, second = (kinds.resources(each, g.FACTS, asked) for each in (pins, other))
    before, after = (kustomize.files(each)[kustomize.DIGESTS] for each in (first, second))

    found = running(before)
    assert (found.way, found.serving, found.kind) == (way, g.SERVER, "InferenceService")
    assert found.modelcar == (CAR if storage == "modelcar" else None)
    assert moved(before, other, kustomize.split(first)[0]) == after
    assert moved(after, pins, kustomize.split(second)[0]) == before
    # What the cluster pulls with is of no version, and stays.
    assert kustomize.split(first)[0] == kustomize.split(second)[0]


def test_a_modelcar_of_another_version_is_not_guessed() -> None:
    pins = replace(g.PINS, modelcar=CAR)
    asked = g.wish("kserve", kserve_storage="modelcar")
    before = kustomize.files(kinds.resources(pins, g.FACTS, asked))[kustomize.DIGESTS]

    with pytest.raises(InvalidInput, match="modelcar"):
        moved(before, NEXT, ())


def test_an_image_elsewhere_in_a_service_is_not_taken_for_a_modelcar() -> None:
    pins = replace(g.PINS, modelcar=CAR)
    asked = g.wish("kserve", kserve_storage="modelcar")
    before = kustomize.files(kinds.resources(pins, g.FACTS, asked))[kustomize.DIGESTS]

    with pytest.raises(Unsupported, match="nothing says"):
        running(before.replace("storageUri: oci://", "storageUri: docker://"))


def test_everything_that_documents_name_by_digest_is_told_once() -> None:
    pins = replace(g.PINS, puller=g.CLIENT)
    made = kinds.resources(pins, g.FACTS, g.wish("kserve", kserve_storage="lading"))

    assert set(named(made)) == {g.PINS.runs.reference, g.SERVER, g.CLIENT}


def test_an_image_that_holds_the_model_is_read_as_such() -> None:
    held = replace(g.PINS, serving=Serving(g.SERVER, holds_model=True))

    assert running(digests("deployment", held)).way == "held"


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("dev.lading/digest:", "dev.lading/digit:", Unsupported),
        ("dev.lading/model:", "dev.lading/other:", None),
        (f"{g.PLACE}\n", "/etc\n", InvalidInput),
        (f"{g.PLACE}\n", "ml/fraud\n", InvalidInput),
        (f"digest: {g.MODEL}", "digest: sha256:short", InvalidInput),
        (f"event: {g.EVENT}", "event: latest", InvalidInput),
        ("    name: model\n", "", LadingError),
        ("- name: model\n", f"- name: other\n        image: r.io/x@{g.EVENT}\n", LadingError),
        ("reference:", "preference:", None),
        ("kind:", "kinds:", InvalidInput),
        ("apiVersion", f"other: {Digest.of(b'other')}\napiVersion", Unsupported),
        ("apiVersion", f"other: r.io/x@{Digest.of(b'other')}\napiVersion", Unsupported),
    ],
)
def test_whatever_somebody_wrote_is_read_or_refused(
    before: str, after: str, error: type[Exception] | None
) -> None:
    written = digests()
    assert before in written or error is LadingError

    if error is None:
        running(written.replace(before, after, 1))
    else:
        with pytest.raises(error):
            running(written.replace(before, after, 1) if before in written else "[]")


def test_two_versions_in_a_folder_are_refused() -> None:
    with pytest.raises(InvalidInput, match="do not agree"):
        running(f"{digests()}---\n{digests(pins=NEXT)}")


@tries(30)
@given(g.pins, g.pins, g.facts, g.wishes)
def test_any_version_becomes_any_other(pins: Pins, other: Pins, facts: Facts, wish: Wish) -> None:
    assume(pins.puller != pins.serving.reference)
    holds_model = pins.serving.holds_model
    other = replace(
        other, puller=pins.puller, serving=replace(other.serving, holds_model=holds_model)
    )
    wish = replace(wish, insecure=False)
    first, second = (documents(Case(each, facts, wish, frozenset())) for each in (pins, other))
    before, after = (kustomize.files(each)[kustomize.DIGESTS] for each in (first, second))
    base = kustomize.split(first)[0]

    made = moved(before, other, base)

    assert list(yaml.safe_load_all(made)) == list(yaml.safe_load_all(after))
    assert moved(before, pins, base) == before
    assert moved(made, other, base) == made


@tries(30)
@given(g.pins, g.pins)
def test_values_of_any_version_become_those_of_any_other(pins: Pins, other: Pins) -> None:
    other = replace(other, puller=pins.puller)

    made = moved_values(text.document(values.values(pins)), other)

    assert yaml.safe_load(made) == values.values(other)

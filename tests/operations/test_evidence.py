"""Evidence is hung on a version later, found again everywhere, and never believed blindly."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from parts.dialect import DISTRIBUTION_2, OCI, Dialect
from parts.double import Double
from parts.registry import DockerRegistry

from lading.errors import Conflict, IntegrityError, InvalidInput, NotFound, Unavailable
from lading.operations import stores
from lading.operations.attach import attach
from lading.operations.copy import copy
from lading.operations.evaluate import EvaluateResult, evaluate
from lading.operations.evidence import evidence
from lading.operations.fetch_evidence import fetch_evidence
from lading.operations.inspect import inspect
from lading.operations.push import push
from lading.operations.reading.gathered import gather
from lading.operations.remove import remove
from lading.settings import Settings
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.evidence import EVALUATION, artifact_type
from lading.spec.manifest import Index, Manifest
from lading.spec.reference import Reference
from lading.stores.bundle import BundleStore
from lading.stores.layout import LayoutStore
from lading.stores.remote.registry import RemoteStore
from lading.transfer import read
from lading.transfer.attach import EMPTY_CONFIG

AnyStore = RemoteStore | LayoutStore | BundleStore
EMPTY = BytesContent(b"{}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", retries=3, actor="Ada")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "weights.bin").write_bytes(os.urandom(20_000))
    return folder


def test_what_was_said_within_one_second_here_is_shown_newest_first(
    settings: Settings, model: Path
) -> None:
    push(model, "ml/quick:1.0.0", settings=settings)
    said = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    for value in said:
        evaluate("ml/quick:1.0.0", metrics={"auc": value}, settings=settings)

    shown = evidence("ml/quick:1.0.0", settings=settings).evidence

    assert [each.content["metrics"][0]["value"] for each in shown] == said[::-1]


@pytest.fixture(params=["local", "layout", "registry", "api"])
def place(request: pytest.FixtureRequest, tmp_path: Path, repository: str) -> str:
    """A repository on this machine, in a layout, by the fallback tag, by the referrers API."""
    if request.param == "local":
        return "ml/fraud"
    if request.param == "layout":
        return f"oci:{tmp_path / 'layout'}"
    part = "registry" if request.param == "registry" else "double"
    registry: DockerRegistry | Double = request.getfixturevalue(part)
    return f"{registry.host}/{repository}"


@pytest.fixture
def version(model: Path, place: str, settings: Settings) -> str:
    """A version without evidence."""
    push(model, f"{place}:1.0.0", settings=settings)
    return f"{place}:1.0.0"


def opened(reference: str, settings: Settings) -> tuple[AnyStore, Descriptor]:
    place = Reference.parse(reference)
    store = stores.open_store(place, settings)
    return store, store.resolve(place.name or "latest")


def hang(
    store: AnyStore, subject: Descriptor, raw: bytes, *, kind: str = EVALUATION, created: str = ""
) -> Descriptor:
    """What any other tool may put there."""
    layer = Descriptor.of(raw, artifact_type(kind))
    for descriptor, content in ((EMPTY_CONFIG, EMPTY), (layer, BytesContent(raw))):
        store.push(descriptor, content)
    manifest = Manifest.build(
        EMPTY_CONFIG,
        (layer,),
        artifact_type=artifact_type(kind),
        subject=subject,
        annotations={mediatypes.CREATED: created} if created else None,
    )
    store.push(manifest.descriptor, BytesContent(manifest.raw))
    return manifest.descriptor


# Hanging and finding


def test_an_evaluation_is_found_with_who_when_and_what(version: str, settings: Settings) -> None:
    done = evaluate(
        version, {"auc": 0.91}, dataset="s3://data/x", split="test", because="monthly",
        settings=settings,
    )  # fmt: skip

    (found,) = evidence(version, settings=settings).evidence
    assert done.status == "attached"
    assert (found.digest, found.type, found.actor) == (done.evidence, "evaluation", "Ada")
    assert found.signer is None
    assert found.created == done.content["created"]
    assert found.content == done.content
    assert found.content["metrics"] == [
        {"name": "auc", "value": 0.91, "dataset": "s3://data/x", "split": "test"}
    ]
    assert found.content["subject"]["index"] == done.digest
    assert found.content["notes"] == "monthly"


def test_the_version_stays_as_it_is_and_inspect_shows_its_evidence(
    version: str, settings: Settings
) -> None:
    before = inspect(version, settings=settings)

    evaluate(version, {"auc": 0.91}, settings=settings)

    after = inspect(version, settings=settings)
    assert before.evidence == ()
    assert replace(after, evidence=()) == before
    assert after.evidence == evidence(version, settings=settings).evidence


def test_evidence_comes_newest_first(version: str, settings: Settings) -> None:
    for month in ("02", "04", "03"):
        created = f"2026-{month}-01T00:00:00Z"
        value = {"metrics": [{"name": "auc", "value": int(month) / 10}], "created": created}
        file = settings.home / "metrics.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(value))
        attach(version, file, type="evaluation", settings=settings)

    found = evidence(version, settings=settings).evidence

    assert [piece.content["metrics"][0]["value"] for piece in found] == [0.4, 0.3, 0.2]


def test_a_large_file_is_attached_and_fetched_byte_for_byte(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    report = tmp_path / "report.pdf"
    report.write_bytes(os.urandom(5_000_000))

    done = attach(version, report, type="report", annotations={"team": "risk"}, settings=settings)
    fetched = fetch_evidence(version, done.evidence, tmp_path / "out.pdf", settings=settings)

    assert (tmp_path / "out.pdf").read_bytes() == report.read_bytes()
    assert (fetched.media_type, fetched.type) == ("application/pdf", "report")
    (found,) = evidence(version, settings=settings).evidence
    assert (found.title, found.size, found.content) == ("report.pdf", 5_000_000, {})


def test_a_scan_is_evidence_that_says_its_verdict(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    from lading.operations.scan import scan

    result = scan(version, settings=settings)
    file = tmp_path / "scan.json"
    file.write_text(json.dumps({"digest": result.digest, "verdict": result.verdict}))

    attach(version, file, type="scan", settings=settings)

    (found,) = evidence(version, settings=settings).evidence
    assert (found.type, found.content["verdict"]) == ("scan", result.verdict)


def test_a_scan_of_another_version_is_refused(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "scan.json"
    file.write_text(json.dumps({"digest": "sha256:" + "0" * 64, "verdict": "clean"}))

    with pytest.raises(InvalidInput, match="another version"):
        attach(version, file, type="scan", settings=settings)


# Said twice


def test_a_second_attempt_is_no_second_evaluation(version: str, settings: Settings) -> None:
    first = evaluate(version, {"auc": 0.91}, split="test", settings=settings)

    again = evaluate(version, {"auc": 0.91}, split="test", settings=settings)

    assert (again.status, again.evidence) == ("unchanged", first.evidence)
    assert len(evidence(version, settings=settings).evidence) == 1


def test_a_second_attempt_is_known_among_many(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    for number in range(25):
        last = evaluate("ml/fraud:1.0.0", {"auc": number}, settings=settings)

    again = evaluate("ml/fraud:1.0.0", {"auc": 24}, settings=settings)

    assert (again.status, again.evidence) == ("unchanged", last.evidence)


@pytest.mark.parametrize("change", ["value", "actor", "dataset"])
def test_other_words_are_another_evaluation(change: str, model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    evaluate("ml/fraud:1.0.0", {"auc": 0.91}, settings=settings)

    done = evaluate(
        "ml/fraud:1.0.0",
        {"auc": 0.92 if change == "value" else 0.91},
        dataset="s3://other" if change == "dataset" else None,
        settings=replace(settings, actor="Grace") if change == "actor" else settings,
    )

    assert done.status == "attached"
    assert len(evidence("ml/fraud:1.0.0", settings=settings).evidence) == 2


def test_the_same_is_news_when_time_has_passed(
    model: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    for hour in ("10:00", "10:30", "11:31"):
        monkeypatch.setattr(
            "lading.operations.evaluate.now", lambda hour=hour: f"2026-03-01T{hour}:00Z"
        )
        evaluate("ml/fraud:1.0.0", {"auc": 0.91}, settings=settings)

    found = evidence("ml/fraud:1.0.0", settings=settings).evidence

    assert [piece.created for piece in found] == ["2026-03-01T11:31:00Z", "2026-03-01T10:00:00Z"]


def test_a_file_attached_twice_is_there_once(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text("fair")

    statuses = [
        attach(version, tmp_path / "a.md", type="report", settings=settings).status
        for _ in range(2)
    ]

    assert statuses == ["attached", "unchanged"]


def test_somebody_s_list_cannot_make_an_evaluation_be_left_out(
    model: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    before = evaluate("ml/fraud:1.0.0", {"auc": 0.91}, settings=settings)
    store, root = opened("ml/fraud:1.0.0", settings)
    # Under the same annotations, at the same moment, but it says something else.
    bad = b'{"metrics":[{"name":"auc","value":0.1}]}'
    (real,) = store.referrers(root)
    layer = Descriptor.of(bad, artifact_type(EVALUATION))
    store.push(layer, BytesContent(bad))
    manifest = Manifest.build(
        EMPTY_CONFIG,
        (layer,),
        artifact_type=artifact_type(EVALUATION),
        subject=root,
        annotations=dict(real.annotations) | {mediatypes.CREATED: before.content["created"]},
    )
    store.push(manifest.descriptor, BytesContent(manifest.raw))

    again = evaluate("ml/fraud:1.0.0", {"auc": 0.5}, settings=settings)

    assert again.status == "attached"


# What breaks


def test_a_connection_that_breaks_leaves_nothing_half_there(
    model: Path, double: Double, settings: Settings
) -> None:
    version = f"{double.host}/ml/fraud:1.0.0"
    push(model, version, settings=settings)
    patient = replace(settings, retries=0)
    for fault in ("/blobs/uploads/", "/manifests/sha256"):
        double.fail("PUT", fault, times=9, status=503)
        double.fail("POST", fault, times=9, status=503)
        with pytest.raises(Unavailable):
            evaluate(version, {"auc": 0.91}, settings=patient)
        assert evidence(version, settings=settings).evidence == ()
        double.heal()

    done = evaluate(version, {"auc": 0.91}, settings=settings)

    assert [e.digest for e in evidence(version, settings=settings).evidence] == [done.evidence]


def test_an_answer_that_was_lost_does_not_double_the_evaluation(
    model: Path, double: Double, settings: Settings
) -> None:
    version = f"{double.host}/ml/fraud:1.0.0"
    push(model, version, settings=settings)
    double.fail("PUT", "/manifests/sha256", times=2, lose_answer=True)
    with pytest.raises(Unavailable):
        evaluate(version, {"auc": 0.91}, settings=replace(settings, retries=0))

    again = evaluate(version, {"auc": 0.91}, settings=settings)

    assert again.status == "unchanged"
    assert len(evidence(version, settings=settings).evidence) == 1


def test_many_evaluate_at_once_and_none_is_lost(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    def work(number: int) -> EvaluateResult:
        own = replace(settings, cache=tmp_path / f"cache {number}", actor=f"ci {number}", retries=5)
        return evaluate(version, {"auc": number / 10}, settings=own)

    with ThreadPoolExecutor(6) as pool:
        done = {result.evidence for result in pool.map(work, range(6))}

    found = evidence(version, settings=settings)
    assert {piece.digest for piece in found.evidence} == done
    assert len(done) == 6
    assert found.notes == ()


def test_more_than_verifiers_like_to_read_is_told_of(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    notes = [
        evaluate("ml/fraud:1.0.0", {"auc": number}, settings=settings).notes for number in range(21)
    ]

    assert not any(notes[:20])
    assert "21 pieces of evidence" in notes[20][0]


# What is not believed


@pytest.fixture(params=[OCI, DISTRIBUTION_2], ids=["api", "fallback"])
def hostile(
    request: pytest.FixtureRequest, double: Double, model: Path, settings: Settings
) -> Iterator[tuple[Double, RemoteStore, Descriptor]]:
    """A registry where a stranger may write."""
    dialect: Dialect = request.param
    double.dialect = dialect
    push(model, f"{double.host}/ml/fraud:1.0.0", settings=settings)
    store, root = opened(f"{double.host}/ml/fraud:1.0.0", settings)
    assert isinstance(store, RemoteStore)
    yield double, store, root
    store.client.close()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"metrics":[{"name":"auc","value":9e999}]}', "not JSON"),
        (b"weights", "not JSON"),
        (b'{"metrics":[]}', "no metrics"),
        (b'{"metrics":' + b"[" * 500 + b"]" * 500 + b"}", "nested too deeply"),
        (b'{"metrics":"' + b"x" * 1_100_000 + b'"}', "too large"),
        (
            b'{"subject":{"index":"sha256:' + b"0" * 64 + b'"},'
            b'"metrics":[{"name":"auc","value":1}]}',
            "of another version",
        ),
    ],
    ids=["infinite", "no JSON", "empty", "a bomb", "large", "of another version"],
)
def test_an_evaluation_that_cannot_be_believed_is_left_out_with_a_note(
    hostile: tuple[Double, RemoteStore, Descriptor], raw: bytes, why: str, settings: Settings
) -> None:
    _, store, root = hostile
    good = evaluate(f"{store}:1.0.0", {"auc": 0.9}, settings=settings)
    bad = hang(store, root, raw)

    found = gather(store, root)

    assert [piece.digest for piece in found.evidence] == [good.evidence]
    (note,) = found.notes
    assert note.startswith(f"{bad.digest.short} is listed as evidence and left out: ")
    assert why in note
    assert inspect(f"{store}:1.0.0", settings=settings).notes == found.notes


def test_a_list_that_lies_about_its_entries_proves_nothing(
    double: Double, model: Path, settings: Settings
) -> None:
    double.dialect = DISTRIBUTION_2
    version = f"{double.host}/ml/fraud:1.0.0"
    push(model, version, settings=settings)
    push(model, f"{double.host}/ml/fraud:2.0.0", settings=settings, description="other")
    store, root = opened(version, settings)
    other = hang(store, store.resolve("2.0.0"), b'{"metrics":[{"name":"auc","value":1}]}')
    missing = Descriptor(mediatypes.IMAGE_MANIFEST, Descriptor.of(b"x", "x/y").digest, 5)
    weird = Descriptor("application/json", missing.digest, 5)
    lie = Index.build((other, root, missing, weird))
    double.put_manifest("ml/fraud", lie.raw, mediatypes.IMAGE_INDEX, f"sha256-{root.digest.hex}")

    found = gather(store, root)

    assert found.evidence == ()
    assert len(found.notes) == 3  # the missing one has the digest of the weird one
    assert any("its subject is another" in note for note in found.notes)
    assert any("it is an index" in note for note in found.notes)


def test_a_flood_of_evidence_is_read_up_to_a_limit_and_told_of(
    model: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.spec.evidence.MOST_READ", 5)
    push(model, "ml/fraud:1.0.0", settings=settings)
    store, root = opened("ml/fraud:1.0.0", settings)
    for number in range(8):
        raw = f'{{"metrics":[{{"name":"auc","value":{number}}}]}}'.encode()
        hang(store, root, raw, created=f"2026-03-0{number + 1}T00:00:00Z")

    found = gather(store, root)

    values = [piece.content["metrics"][0]["value"] for piece in found.evidence]
    assert values == [7, 6, 5, 4, 3]
    assert (found.unread, found.notes) == (3, ("3 more pieces of evidence were not read",))


def test_evidence_that_was_changed_on_the_disk_is_left_out(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    done = evaluate("ml/fraud:1.0.0", {"auc": 0.5}, settings=settings)
    store, root = opened("ml/fraud:1.0.0", settings)
    assert isinstance(store, LayoutStore)
    for blob in (store.folder / "blobs/sha256").iterdir():
        if b'"value":0.5' in blob.read_bytes():
            blob.chmod(0o644)
            blob.write_bytes(blob.read_bytes().replace(b"0.5", b"0.9"))

    found = gather(store, root)

    assert found.evidence == ()
    assert done.evidence[7:19] in found.notes[0]
    assert "damaged" in found.notes[0]


def test_evidence_that_cannot_be_had_now_is_an_error_and_not_missing(
    hostile: tuple[Double, RemoteStore, Descriptor], settings: Settings
) -> None:
    double, store, root = hostile
    evaluate(f"{store}:1.0.0", {"auc": 0.5}, settings=settings)
    impatient, _ = opened(f"{store}:1.0.0", replace(settings, retries=0))
    double.fail("GET", "/blobs/sha256", times=99, status=503)

    with pytest.raises(Unavailable):
        gather(impatient, root)


def test_inspect_works_where_referrers_may_not_be_asked_for(
    double: Double, model: Path, settings: Settings
) -> None:
    version = f"{double.host}/ml/fraud:1.0.0"
    push(model, version, settings=settings)
    double.fail("GET", "/referrers/", times=9, status=403)

    result = inspect(version, settings=settings)

    assert result.evidence == ()
    assert "its evidence cannot be read now" in result.notes[0]


# What it costs


@pytest.mark.parametrize("dialect", [OCI, DISTRIBUTION_2], ids=["api", "fallback"])
def test_looking_at_a_version_without_evidence_costs_one_request_more(
    double: Double, model: Path, settings: Settings, dialect: Dialect
) -> None:
    version = f"{double.host}/ml/fraud:1.0.0"
    push(model, version, settings=settings)
    double.dialect = dialect
    # Without the referrers API a registry is asked for it once an hour.
    inspect(version, settings=settings)
    before = len(double.requests)

    inspect(version, settings=settings)

    asked = [request.path for request in double.requests[before:]]
    assert len([path for path in asked if "/referrers/" in path or "/sha256-" in path]) == 1


@pytest.mark.parametrize("dialect", [OCI, DISTRIBUTION_2], ids=["api", "fallback"])
def test_evidence_that_was_read_once_costs_only_the_list(
    double: Double, model: Path, settings: Settings, dialect: Dialect
) -> None:
    double.dialect = dialect
    version = f"{double.host}/ml/fraud:1.0.0"
    push(model, version, settings=settings)
    for number in range(3):
        evaluate(version, {"auc": number}, settings=settings)
    first = evidence(version, settings=settings)
    before = len(double.requests)

    again = evidence(version, settings=settings)

    # The version's index by its tag, and the list.
    assert len(double.requests) - before == 2
    assert again == first
    assert len(again.evidence) == 3


# Fetching


def test_a_fetched_file_never_replaces_another_unasked(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text("fair")
    done = attach(version, tmp_path / "a.md", type="report", settings=settings)
    out = tmp_path / "out.md"
    out.write_text("mine")

    with pytest.raises(Conflict):
        fetch_evidence(version, done.evidence, out, settings=settings)
    assert out.read_text() == "mine"

    fetch_evidence(version, done.evidence[7:17], out, force=True, settings=settings)
    assert out.read_text() == "fair"
    assert sorted(path.name for path in tmp_path.glob("*out.md*")) == ["out.md"]


@pytest.mark.parametrize("title", ["../../escaped.txt", "/escaped.txt", "..", "a\x00b", "a\\b"])
def test_a_hostile_title_writes_nowhere_else(
    model: Path, settings: Settings, tmp_path: Path, title: str
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    store, root = opened("ml/fraud:1.0.0", settings)
    raw = b"hostile"
    layer = Descriptor.of(raw, "text/plain").with_annotations({mediatypes.TITLE: title})
    for descriptor, content in ((EMPTY_CONFIG, EMPTY), (layer, BytesContent(raw))):
        store.push(descriptor, content)
    manifest = Manifest.build(EMPTY_CONFIG, (layer,), artifact_type="a/b", subject=root)
    store.push(manifest.descriptor, BytesContent(manifest.raw))
    (tmp_path / "deep" / "out").mkdir(parents=True)

    with pytest.raises(IntegrityError):
        fetch_evidence(
            "ml/fraud:1.0.0", manifest.descriptor.digest, tmp_path / "deep/out", settings=settings
        )

    assert not list((tmp_path / "deep/out").iterdir())
    assert not list(tmp_path.rglob("escaped*"))


def test_a_damaged_piece_leaves_no_file(
    double: Double, model: Path, settings: Settings, tmp_path: Path
) -> None:
    version = f"{double.host}/ml/fraud:1.0.0"
    push(model, version, settings=settings)
    (tmp_path / "a.md").write_text("fair" * 1000)
    done = attach(version, tmp_path / "a.md", type="report", settings=settings)
    double.fail("GET", "/blobs/sha256", times=9, corrupt=True)
    (tmp_path / "out").mkdir()

    with pytest.raises(IntegrityError):
        fetch_evidence(version, done.evidence, tmp_path / "out/a.md", settings=settings)

    assert not list((tmp_path / "out").iterdir())


def test_only_what_hangs_on_the_version_is_fetched(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    root = inspect(version, settings=settings)

    for digest in (root.manifests[0].digest, "sha256:" + "0" * 64, "abc"):
        with pytest.raises(NotFound):
            fetch_evidence(version, digest, tmp_path / "out", settings=settings)


def test_of_several_layers_one_is_named(model: Path, settings: Settings, tmp_path: Path) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    store, root = opened("ml/fraud:1.0.0", settings)
    store.push(EMPTY_CONFIG, EMPTY)
    layers = []
    for name in ("a.txt", "b.txt"):
        layer = Descriptor.of(name.encode(), "text/plain")
        store.push(layer, BytesContent(name.encode()))
        layers.append(layer.with_annotations({mediatypes.TITLE: name}))
    manifest = Manifest.build(EMPTY_CONFIG, tuple(layers), artifact_type="a/b", subject=root)
    store.push(manifest.descriptor, BytesContent(manifest.raw))
    digest = manifest.descriptor.digest

    with pytest.raises(InvalidInput, match="which part"):
        fetch_evidence("ml/fraud:1.0.0", digest, tmp_path, settings=settings)
    done = fetch_evidence("ml/fraud:1.0.0", digest, tmp_path, layer="b.txt", settings=settings)

    assert Path(done.path) == tmp_path / "b.txt"
    assert (tmp_path / "b.txt").read_text() == "b.txt"


# What a person writes wrong


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "not an evaluation"),
        (b'{"auc": NaN}', "not an evaluation"),
        (b"auc,0.9", "not an evaluation"),
        (b'{"auc": "high"}', "not a number"),
        (b" " * 1_100_000, "too large"),
        (b"[" * 100_000, "not an evaluation"),
        (b'{"metrics":{"auc":1},"created":"2999-01-01T00:00:00Z"}', "in the future"),
    ],
)
def test_what_is_no_evaluation_is_refused(
    model: Path, settings: Settings, tmp_path: Path, raw: bytes, told: str
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    (tmp_path / "m.json").write_bytes(raw)

    with pytest.raises(InvalidInput, match=told):
        attach("ml/fraud:1.0.0", tmp_path / "m.json", type="evaluation", settings=settings)


def test_an_empty_file_a_folder_and_a_pipe_are_not_attached(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")

    for name in ("empty", "pipe", "model", "nowhere", "nul\0"):
        with pytest.raises(InvalidInput):
            attach("ml/fraud:1.0.0", tmp_path / name, type="report", settings=settings)


@pytest.mark.parametrize(
    "annotations",
    [{"dev.lading.actor": "x"}, {mediatypes.CREATED: "x"}, {"": "x"}, {"a b": "x"}, {"a": "\ud800"},
     {"a": "x" * 5000}, {f"k{n}": "" for n in range(65)}],
)  # fmt: skip
def test_some_annotations_nobody_may_give(
    model: Path, settings: Settings, tmp_path: Path, annotations: dict[str, str]
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(InvalidInput):
        attach(
            "ml/fraud:1.0.0", model / "config.json", type="report", annotations=annotations,
            settings=settings,
        )  # fmt: skip


def test_a_file_that_changes_meanwhile_is_not_attached(
    model: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    file = model / "weights.bin"
    exists = LayoutStore.exists

    def meanwhile(store: LayoutStore, descriptor: Descriptor) -> bool:
        file.write_bytes(os.urandom(20_001))
        return exists(store, descriptor)

    monkeypatch.setattr(LayoutStore, "exists", meanwhile)

    with pytest.raises(Conflict, match="changed while it was read"):
        attach("ml/fraud:1.0.0", file, type="report", settings=settings)

    monkeypatch.undo()
    assert evidence("ml/fraud:1.0.0", settings=settings).evidence == ()


# Taken along


@pytest.fixture(params=["layout", "registry", "api"])
def target(request: pytest.FixtureRequest, tmp_path: Path, repository: str) -> str:
    """Another repository, to copy to."""
    if request.param == "layout":
        return f"oci:{tmp_path / 'copy'}"
    part = "other_registry" if request.param == "registry" else "double"
    registry: DockerRegistry | Double = request.getfixturevalue(part)
    return f"{registry.host}/{repository}/copy"


@pytest.mark.parametrize("everything", [False, True], ids=["--referrers", "--all"])
def test_a_copy_takes_evidence_along_unchanged(
    version: str, target: str, everything: bool, settings: Settings
) -> None:
    done = evaluate(version, {"auc": 0.91}, settings=settings)

    if everything:
        copy(version.removesuffix(":1.0.0"), target, all_versions=True, settings=settings)
    else:
        copy(version, f"{target}:1.0.0", referrers=True, settings=settings)

    found = evidence(f"{target}:1.0.0", settings=settings)
    assert found.digest == done.digest
    assert [piece.digest for piece in found.evidence] == [done.evidence]
    assert found.evidence == evidence(version, settings=settings).evidence
    assert found.notes == ()


def test_removing_a_version_takes_its_evidence_along(
    version: str, model: Path, settings: Settings
) -> None:
    other = f"{version.removesuffix(':1.0.0')}:2.0.0"
    push(model, other, settings=settings, description="another")
    gone = evaluate(version, {"auc": 0.1}, settings=settings)
    stays = evaluate(other, {"auc": 0.2}, settings=settings)
    _, root = opened(version, settings)

    remove(version, settings=settings)

    fresh, _ = opened(other, settings)
    if isinstance(fresh, RemoteStore):
        with pytest.raises(NotFound):
            fresh.resolve(gone.evidence)
    assert not {f"keep-{gone.evidence[7:19]}", f"sha256-{root.digest.hex}"} & set(fresh.names())
    assert [e.digest for e in evidence(other, settings=settings).evidence] == [stays.evidence]


# Stages


def test_nothing_is_hung_on_a_stage_that_drifted(model: Path, settings: Settings) -> None:
    from lading.operations.promote import promote

    for number in (1, 2):
        (model / "config.json").write_text(str(number))
        push(model, f"ml/fraud:{number}.0.0", settings=settings)
    promote("ml/fraud:1.0.0", "dev", settings=settings)
    done = evaluate("ml/fraud:dev", {"auc": 0.9}, settings=settings)
    store, other = opened("ml/fraud:2.0.0", settings)
    store.push(other, BytesContent(read(store, other)), "dev")

    with pytest.raises(IntegrityError, match="DRIFT"):
        evaluate("ml/fraud:dev", {"auc": 0.1}, settings=settings)

    assert [e.digest for e in evidence("ml/fraud:1.0.0", settings=settings).evidence] == [
        done.evidence
    ]
    assert evidence("ml/fraud:2.0.0", settings=settings).evidence == ()

"""Other tools take a repository along; Lading reads stages, evidence, history from their copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from parts.double import Double
from parts.registry import DockerRegistry
from parts.skopeo import Skopeo
from peers.plain import Repository, files_of

from lading.errors import IntegrityError
from lading.ledger.read import read_book
from lading.operations import stores
from lading.operations.copy import copy
from lading.operations.evaluate import evaluate
from lading.operations.evidence import evidence
from lading.operations.history import HistoryResult, history
from lading.operations.ledger import ledger_verify
from lading.operations.note import note
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.rollback import rollback
from lading.operations.status import StatusResult, status
from lading.settings import Settings
from lading.spec.reference import Reference

UNCHANGED = ("--all", "--preserve-digests")
PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")


@dataclass(frozen=True, slots=True)
class Told:
    """A repository in which things happened, and what Lading says of it."""

    registry: DockerRegistry
    repository: str
    files: dict[str, bytes]
    history: HistoryResult
    status: StatusResult

    @property
    def place(self) -> str:
        return f"{self.registry.host}/{self.repository}"

    @property
    def tags(self) -> list[str]:
        return Repository(self.registry.host, self.repository).tags()

    @property
    def lists(self) -> list[str]:
        """The specification's lists of evidence."""
        return [name for name in self.tags if name.startswith("sha256-")]


@pytest.fixture
def told(registry: DockerRegistry, repository: str, model: Path, settings: Settings) -> Told:
    place = f"{registry.host}/{repository}"
    for number, version in enumerate(("1.0.0", "1.1.0")):
        (model / "config.json").write_text(f'{{"hidden": {number}}}')
        push(model, f"{place}:{version}", settings=settings)
    evaluate(f"{place}:1.1.0", {"auc": 0.91}, settings=settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    promote(f"{place}:1.1.0", "prod", because="better", settings=settings)
    rollback(place, "prod", settings=settings)
    promote(f"{place}:1.1.0", "prod", because="mended", settings=settings)
    note(f"{place}:1.1.0", "watch the drift", settings=settings)
    return Told(
        registry,
        repository,
        files_of(model),
        history(place, settings=settings),
        status(place, settings=settings),
    )


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A registry that has nothing of it: skopeo compresses only what it has to send."""
    with DockerRegistry(tmp_path_factory.mktemp("empty-registry")) as registry:
        yield registry


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """A machine that knows nothing yet."""
    return replace(settings, home=tmp_path / "new-home", cache=tmp_path / "new-cache")


def demand_same(place: str, told: Told, settings: Settings, out: Path) -> None:
    """Stages, history, evidence and files are what they were, and nothing is amiss."""
    assert history(place, settings=settings).events == told.history.events
    assert history(place, settings=settings).intervals == told.history.intervals
    stood = status(place, settings=settings)
    assert (stood.stages, stood.notes) == (told.status.stages, ())
    assert not stood.drift
    book = read_book(stores.open_store(Reference.parse(place), settings), whole=True)
    assert (book.troubles, book.unlisted, book.untagged) == ((), (), ())
    assert [e.type for e in evidence(f"{place}:1.1.0", settings=settings).evidence] == [
        "evaluation"
    ]
    pull(f"{place}:prod", out, settings=settings)
    assert files_of(out) == told.files


def test_skopeo_takes_all_but_the_lists_of_evidence_unchanged(
    told: Told, skopeo: Skopeo, empty: DockerRegistry
) -> None:
    refused = {}
    for name in told.tags:
        source, target = f"docker://{told.place}:{name}", f"docker://{empty.host}/ml/fraud:{name}"
        said = skopeo.copy(source, target, *UNCHANGED, check=False)
        if said.returncode:
            refused[name] = said.stderr

    # The ledger's index has an artifact type, too; what skopeo 1.9 drops is that of an entry.
    assert list(refused) == told.lists
    (why,) = refused.values()
    assert "Manifest list must be converted" in why
    assert "Instructed to preserve digests" in why
    there = Repository(empty.host, "ml/fraud")
    here = Repository(told.registry.host, told.repository)
    for name in set(told.tags) - set(told.lists):
        assert there.manifest(name) == here.manifest(name)


def test_a_copy_tag_by_tag_tells_the_same(
    told: Told, skopeo: Skopeo, empty: DockerRegistry, elsewhere: Settings, tmp_path: Path
) -> None:
    for name in told.tags:
        flags = ("--all",) if name in told.lists else UNCHANGED
        skopeo.copy(
            f"docker://{told.place}:{name}", f"docker://{empty.host}/ml/fraud:{name}", *flags
        )

    demand_same(f"{empty.host}/ml/fraud", told, elsewhere, tmp_path / "out")


def test_a_sync_in_two_rounds_tells_the_same(
    told: Told, skopeo: Skopeo, empty: DockerRegistry, elsewhere: Settings, tmp_path: Path
) -> None:
    to_registry = ("--src", "docker", "--dest", "docker", *PLAIN, told.place, f"{empty.host}/ml")

    first = skopeo.run("sync", *UNCHANGED, "--keep-going", *to_registry, check=False)
    # Everything is there and is not compressed any more: only the lists are new.
    skopeo.run("sync", "--all", *to_registry)

    assert first.returncode != 0
    name = told.repository.rpartition("/")[2]
    demand_same(f"{empty.host}/ml/{name}", told, elsewhere, tmp_path / "out")


def test_without_preserve_digests_versions_are_compressed_and_a_second_time_mends_them(
    told: Told, skopeo: Skopeo, empty: DockerRegistry, elsewhere: Settings, tmp_path: Path
) -> None:
    place = f"{empty.host}/ml/fraud"

    def copied() -> None:
        # Versions come first: what keep tags name is sent as it is, and then reused.
        for name in sorted(told.tags):
            skopeo.copy(f"docker://{told.place}:{name}", f"docker://{place}:{name}", "--all")

    copied()
    once = pull(f"{place}:1.1.0", tmp_path / "once", settings=elsewhere)
    events = history(place, settings=elsewhere).events
    copied()

    assert any("compressed on the way" in said for said in once.notes)
    assert files_of(tmp_path / "once") == told.files
    assert events == told.history.events
    demand_same(place, told, elsewhere, tmp_path / "out")


def test_a_folder_that_skopeo_wrote_is_read_without_any_network(
    told: Told, skopeo: Skopeo, elsewhere: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "stick"
    for name in told.tags:
        flags = ("--all",) if name in told.lists else UNCHANGED
        skopeo.copy(f"docker://{told.place}:{name}", f"oci:{folder}:{name}", *flags)

    offline = replace(elsewhere, offline=True)
    demand_same(f"oci:{folder}", told, offline, tmp_path / "out")
    audited = ledger_verify(f"oci:{folder}", settings=offline)
    assert (audited.sound, audited.findings) == (True, ())
    assert audited.events == len(told.history.events)


def test_an_event_that_was_tampered_with_in_a_folder_does_not_count(
    told: Told, skopeo: Skopeo, elsewhere: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "stick"
    for name in set(told.tags) - set(told.lists):
        skopeo.copy(f"docker://{told.place}:{name}", f"oci:{folder}:{name}", *UNCHANGED)
    last = told.history.events[-1].event
    blob = folder / "blobs" / last.replace(":", "/")
    blob.write_bytes(blob.read_bytes().replace(b"dev.lading", b"dev.ladinG", 1)[::-1])

    book = read_book(stores.open_store(Reference.parse(f"oci:{folder}"), elsewhere), whole=True)

    assert {trouble.kind for trouble in book.troubles} & {"strange", "lost"}
    assert len(book.lines) == len(told.history.events) - 1


def test_back_from_a_folder_with_lading_it_is_the_same(
    told: Told, skopeo: Skopeo, empty: DockerRegistry, elsewhere: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "stick"
    for name in told.tags:
        flags = ("--all",) if name in told.lists else UNCHANGED
        skopeo.copy(f"docker://{told.place}:{name}", f"oci:{folder}:{name}", *flags)

    copy(f"oci:{folder}", f"{empty.host}/ml/back", all_versions=True, settings=elsewhere)

    demand_same(f"{empty.host}/ml/back", told, elsewhere, tmp_path / "out")


@pytest.mark.parametrize("modern", [False, True], ids=["fallback tags", "referrers API"])
def test_what_oras_copy_r_promises_is_enough(  # noqa: PLR0917  fixtures
    told: Told,
    double: Double,
    empty: DockerRegistry,
    elsewhere: Settings,
    tmp_path: Path,
    modern: bool,
) -> None:
    """As it is documented: for each tag its root, all below it, and its referrers; nothing else.

    The program itself is not to be had on this machine; Lading's own copy of one tag does the same.
    """
    place = f"{double.host if modern else empty.host}/ml/fraud"
    for name in set(told.tags) - set(told.lists):
        if not name.startswith("keep-"):
            root = stores.open_store(Reference.parse(told.place), elsewhere).resolve(name)
            _as_oras_does(told.place, place, name, root.digest, elsewhere)

    demand_same(place, told, elsewhere, tmp_path / "out")


def _as_oras_does(source: str, target: str, name: str, digest: str, settings: Settings) -> None:
    from lading.transfer import copy as transfer

    here = stores.open_store(Reference.parse(source), settings)
    there = stores.open_store(Reference.parse(target), settings)
    root = here.resolve(name)
    assert root.digest == digest
    transfer(here, there, root, name=name, referrers=True)


def test_a_stage_that_somebody_moved_in_a_copy_shows(
    told: Told, skopeo: Skopeo, elsewhere: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "stick"
    for name in set(told.tags) - set(told.lists):
        skopeo.copy(f"docker://{told.place}:{name}", f"oci:{folder}:{name}", *UNCHANGED)

    skopeo.copy(f"docker://{told.place}:1.0.0", f"oci:{folder}:prod", *UNCHANGED)

    assert status(f"oci:{folder}", settings=elsewhere).drift
    with pytest.raises(IntegrityError, match="DRIFT"):
        pull(f"oci:{folder}:prod", tmp_path / "out", settings=elsewhere)

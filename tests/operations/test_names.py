"""Tags that people set, and what goes away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from parts.registry import DockerRegistry

from lading.errors import Conflict, InvalidInput, NotFound
from lading.ledger.book import is_ledger
from lading.ledger.index import LEDGER_TYPE
from lading.operations import stores
from lading.operations.history import history
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.push import push
from lading.operations.remove import remove
from lading.operations.tag import tag
from lading.ports import Source
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.manifest import Manifest, parse
from lading.spec.reference import Reference
from lading.transfer import read


def test_a_tag_names_a_version_and_moves(model: Path, place: str, settings: Settings) -> None:
    first = push(model, f"{place}:1.0.0", settings=settings)
    second = push(model, f"{place}:2.0.0", settings=settings)

    set_first = tag(f"{place}:1.0.0", "candidate", settings=settings)
    moved = tag(f"{place}:2.0.0", "candidate", settings=settings)

    assert (set_first.digest, set_first.previous) == (first.digest, None)
    assert (moved.digest, moved.previous) == (second.digest, first.digest)
    assert inspect(f"{place}:candidate", settings=settings).digest == second.digest


@pytest.mark.parametrize(
    "name", ["1.0.1", "latest", "ledger", "evt.00000001.aa", "keep-0123456789ab", "serve-1.0.0",
             "sha256-" + "0" * 64, "not a tag"],
)  # fmt: skip
def test_versions_and_ladings_own_names_are_not_set_by_hand(
    name: str, model: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(InvalidInput) as caught:
        tag("ml/fraud:1.0.0", name, settings=settings)

    assert caught.value.hint


def test_a_removed_version_is_gone_and_latest_steps_back(
    model: Path, place: str, settings: Settings
) -> None:
    first = push(model, f"{place}:1.0.0", settings=settings)
    push(model, f"{place}:2.0.0", settings=settings)

    result = remove(f"{place}:2.0.0", settings=settings)

    assert "2.0.0" in result.removed
    versions = [entry.version for entry in list_versions(place, settings=settings).versions]
    assert versions == ["1.0.0"]
    assert inspect(f"{place}:latest", settings=settings).digest == first.digest
    assert inspect(f"{place}:1.0.0", settings=settings).digest == first.digest


def test_removing_the_only_version_leaves_nothing_but_what_was_said_of_it(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{registry.host}/removed"
    push(model, f"{place}:1.0.0", settings=settings)

    remove(f"{place}:1.0.0", settings=settings)

    store = stores.open_store(Reference.parse(place), settings)
    kinds = {name.partition(".")[0] for name in store.names()}
    assert kinds == {"evt", "ledger"}


def test_a_removed_version_and_its_evidence_are_freed_by_a_plain_collection(
    model: Path, own_registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{own_registry.host}/freed"
    kept = push(model, f"{place}:1.0.0", settings=settings)
    before = own_registry.blobs()
    (model / "config.json").write_text('{"hidden": 9}')
    push(model, f"{place}:2.0.0", settings=settings)
    store = stores.open_store(Reference.parse(place), settings)
    raw = b'{"auc":0.9}'
    config = Descriptor.of(raw, "application/vnd.example.evaluation+json")
    store.push(config, BytesContent(raw))
    evidence = Manifest.build(config, (config,), subject=store.resolve("2.0.0"))
    store.push(evidence.descriptor, BytesContent(evidence.raw))

    remove(f"{place}:2.0.0", settings=settings)
    own_registry.stop()
    own_registry.garbage_collect(delete_untagged=False)
    own_registry.start()

    # The empty config of a tombstone may stay, and what was said of the version does; so do the
    # lists that the ledger put anew, until manifests without a tag are collected, too.
    history = {
        digest for name in store.names() if is_ledger(name) for digest in _parts(store, name)
    }
    left = own_registry.blobs() - before - {Digest.of(b"{}"), *history}
    former = [parse(read(store, store.resolve(digest))) for digest in left]
    assert all(index.artifact_type == LEDGER_TYPE for index in former)
    assert inspect(f"{place}:1.0.0", settings=settings).digest == kept.digest


def test_a_version_that_another_tag_names_is_not_removed(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    tag(f"{place}:1.0.0", "candidate", settings=settings)

    with pytest.raises(Conflict, match="candidate"):
        remove(f"{place}:1.0.0", settings=settings)


def _parts(store: Source, name: str) -> set[Digest]:
    root = store.resolve(name)
    children = parse(read(store, root), root.media_type).children
    return {root.digest, *(child.digest for child in children)}


def test_removing_a_tag_leaves_its_version(model: Path, place: str, settings: Settings) -> None:
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    tag(f"{place}:1.0.0", "candidate", settings=settings)

    remove(f"{place}:candidate", settings=settings)

    assert inspect(f"{place}:1.0.0", settings=settings).digest == pushed.digest
    with pytest.raises(NotFound):
        inspect(f"{place}:candidate", settings=settings)


def test_a_version_that_a_stage_names_is_not_removed_even_where_its_tag_is_gone(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    push(model, f"{place}:2.0.0", settings=settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)
    store = stores.open_store(stores.locate(place, settings), settings)
    root = store.resolve("2.0.0")
    store.push(root, BytesContent(read(store, root)), "prod")

    with pytest.raises(Conflict, match="prod") as caught:
        remove(f"{place}:1.0.0", settings=settings)

    assert "lading clear" in str(caught.value.hint)
    assert inspect(f"{place}:1.0.0", settings=settings).version == "1.0.0"


def test_what_a_stage_named_once_is_removed_and_the_history_stays(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    push(model, f"{place}:2.0.0", settings=settings)
    first = promote(f"{place}:1.0.0", "staging", settings=settings)
    promote(f"{place}:2.0.0", "staging", settings=settings)

    remove(f"{place}:1.0.0", settings=settings)

    told = history(place, stage="staging", settings=settings)
    assert told.events[0].event == first.event
    assert [interval.version for interval in told.intervals] == ["1.0.0", "2.0.0"]


def test_what_a_protected_stage_named_once_is_removed_by_force_only(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {prod: {protected: true}}")
    strict = replace(settings, policy=policy)
    for version in ("1.0.0", "2.0.0"):
        push(model, f"{place}:{version}", settings=strict)
        promote(f"{place}:{version}", "prod", settings=strict)

    # The events themselves say that the stage was protected.
    with pytest.raises(Conflict, match="history of prod") as caught:
        remove(f"{place}:1.0.0", settings=settings)
    assert "--force" in str(caught.value.hint)
    with pytest.raises(Conflict, match="in use"):
        remove(f"{place}:2.0.0", force=True, settings=strict)

    assert "1.0.0" in remove(f"{place}:1.0.0", force=True, settings=strict).removed


def test_a_stage_that_the_ledger_knows_is_cleared_and_not_removed(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)

    with pytest.raises(InvalidInput) as caught:
        remove(f"{place}:prod", settings=settings)

    assert caught.value.hint == f"lading clear {place} prod"


def test_the_tag_of_a_stage_that_nobody_recorded_can_be_removed(
    model: Path, place: str, settings: Settings
) -> None:
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    store = stores.open_store(stores.locate(place, settings), settings)
    root = store.resolve("1.0.0")
    store.push(root, BytesContent(read(store, root)), "prod")

    remove(f"{place}:prod", settings=settings)

    assert "prod" not in set(store.names())
    assert inspect(f"{place}:1.0.0", settings=settings).digest == pushed.digest


def test_a_stage_is_not_set_by_hand(model: Path, settings: Settings, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("stages: {live: {}}")
    strict = replace(settings, policy=policy)
    push(model, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(InvalidInput) as caught:
        tag("ml/fraud:1.0.0", "live", settings=strict)

    assert caught.value.hint == "lading promote ml/fraud:1.0.0 live"
    assert tag("ml/fraud:1.0.0", "prod", settings=strict).previous is None


def test_removing_what_is_not_there_is_not_found(place: str, settings: Settings) -> None:
    with pytest.raises(NotFound):
        remove(f"{place}:1.0.0", settings=settings)


@pytest.mark.parametrize("reference", ["ml/fraud", "ml/fraud:latest", "ml/fraud:ledger"])
def test_only_a_tag_of_ones_own_can_be_removed(reference: str, settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        remove(reference, settings=settings)

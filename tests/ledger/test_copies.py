"""Other tools take a ledger from place to place; its events come as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.samples import push_model
from ledger.samples import assign, draft, open_fold, write
from ledger.writers import opened
from parts.registry import DockerRegistry
from parts.skopeo import Skopeo

from lading.ledger.audit import audit
from lading.ledger.book import LedgerStore
from lading.ledger.read import read_book
from lading.ledger.repair import repair
from lading.ledger.write import named
from lading.spec.tags import LEDGER, event_of
from lading.stores.layout import LayoutStore

KEPT = ("--preserve-digests",)
PLAIN: tuple[str, ...] = ()
BOTH = pytest.mark.parametrize("flags", [KEPT, PLAIN], ids=["preserve-digests", "plain"])


@pytest.fixture
def source(
    registry: DockerRegistry, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LedgerStore]:
    """A ledger of seven events on a registry, some of them put away."""
    monkeypatch.setattr("lading.ledger.write.SEGMENT", 4)
    with opened(f"{registry.host}/{repository}", tmp_path) as store:
        first, second = (push_model(store, v, f"1.{v}.0").digest for v in "01")
        write(store, draft("registered", first, version="1.0.0", actor="Ada <a@b.c> & größer"))
        write(store, draft("registered", second, version="1.1.0"))
        for number in range(5):
            assign(store, (first, second)[number % 2], reason="<&> \u2028")
        yield store


def tags(store: LedgerStore) -> list[str]:
    return sorted(name for name in store.names() if event_of(name))


def demand_copied(source: LedgerStore, copied: LedgerStore) -> None:
    """Every event is there under its digest, and the same follows from them."""
    assert [copied.resolve(tag) for tag in tags(source)] == [
        source.resolve(tag) for tag in tags(source)
    ]
    ours, theirs = read_book(source, whole=True), read_book(copied, whole=True)
    assert (len(theirs.lines), theirs.lines) == (7, ours.lines)
    assert open_fold(read_book(copied)).stages == open_fold(ours).stages


def demand_mended(copied: LedgerStore) -> None:
    """Whatever a tool made of the index: one repair, and all is as it was."""
    repair(copied, read_book(copied), open_fold)
    book = read_book(copied, whole=True)
    assert audit(copied, book, open_fold(book)) == ()
    assert named(copied, "prod") == open_fold(book).stage("prod").value
    assert repair(copied, read_book(copied), open_fold).actions == ()


@BOTH
def test_skopeo_copies_an_event_as_it_is(  # noqa: PLR0917  fixtures
    source: LedgerStore,
    skopeo: Skopeo,
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    repository: str,
    tmp_path: Path,
    flags: tuple[str, ...],
) -> None:
    tag = tags(source)[0]

    place = f"{other_registry.host}/{repository}"
    skopeo.copy(f"docker://{registry.host}/{repository}:{tag}", f"docker://{place}:{tag}", *flags)

    with opened(place, tmp_path / "other") as copied:
        assert copied.resolve(tag) == source.resolve(tag)
        (recorded,) = read_book(copied).records.values()
        assert recorded == read_book(source, whole=True).ordered()[0]


@BOTH
def test_skopeo_syncs_a_repository_with_its_history(  # noqa: PLR0917  fixtures
    source: LedgerStore,
    skopeo: Skopeo,
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    repository: str,
    tmp_path: Path,
    flags: tuple[str, ...],
) -> None:
    target = f"{other_registry.host}/{repository.rpartition('/')[0]}"
    tls = ("--src-tls-verify=false", "--dest-tls-verify=false")
    docker = ("--src", "docker", "--dest", "docker")

    skopeo.run("sync", "--all", *flags, *tls, *docker, f"{registry.host}/{repository}", target)

    with opened(f"{other_registry.host}/{repository}", tmp_path / "other") as copied:
        demand_copied(source, copied)
        demand_mended(copied)


@BOTH
def test_an_auditor_reads_a_layout_that_skopeo_wrote(  # noqa: PLR0917  fixtures
    source: LedgerStore,
    skopeo: Skopeo,
    registry: DockerRegistry,
    repository: str,
    tmp_path: Path,
    flags: tuple[str, ...],
) -> None:
    layout = tmp_path / "layout"

    for name in sorted(source.names()):
        there = f"docker://{registry.host}/{repository}:{name}"
        skopeo.copy(there, f"oci:{layout}:{name}", "--all", *flags)

    copied = LayoutStore(layout)
    demand_copied(source, copied)
    assert {LEDGER, "ledger-0001"} <= set(copied.names())
    demand_mended(copied)

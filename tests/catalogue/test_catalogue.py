"""The catalogue on disk: what is put is there; what goes wrong with the file changes no answer."""

from __future__ import annotations

import os
import resource
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.child import as_nobody, in_a_child

from lading.catalogue import (
    Catalogue,
    Damaged,
    Facts,
    KnownRepository,
    Measured,
    ReadVersion,
    RepositoryState,
    StagesKnown,
    using,
)
from lading.catalogue.catalogue import FILE
from lading.expressions import Value
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest

BASE = "registry.example.com/ml/fraud"
STATE = RepositoryState("f", "l", StagesKnown({"prod": (Digest.of(b"root 1.0.0"),)}))


def read(tag: str, said: dict[str, Value], base: str = BASE) -> ReadVersion:
    """A version with a document of its own."""
    source = Digest.of(f"{base} {tag}".encode())
    facts = Facts(said, (Measured("auc", 0.9, "test"),))
    return ReadVersion(tag, root(tag), source, facts)


def root(tag: str) -> Descriptor:
    return Descriptor.of(f"root {tag}".encode(), mediatypes.IMAGE_INDEX)


def documents(repository: KnownRepository) -> list[int]:
    return [version.document for version in repository.versions if version.document is not None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / FILE


@pytest.fixture
def catalogue(path: Path) -> Iterator[Catalogue]:
    with Catalogue(path) as catalogue:
        yield catalogue


def test_what_was_put_is_known_to_the_next_process(path: Path) -> None:
    with Catalogue(path) as first:
        first.put(BASE, STATE, (), [read("1.0.0", {"tags.team": "risk"}), read("1.1.0", {})])

    with Catalogue(path) as second:
        known = second.known([BASE, "another"])
        column = second.column("tags.team", documents(known[BASE]))

    assert known.keys() == {BASE}
    assert known[BASE].state == STATE
    assert [(version.tag, version.root) for version in known[BASE].versions] == [
        ("1.0.0", root("1.0.0")),
        ("1.1.0", root("1.1.0")),
    ]
    assert list(column.values()) == ["risk"]


VALUES = st.one_of(
    st.text(min_size=1),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
LISTED = st.lists(st.text(min_size=1), min_size=1).map(tuple)
TEXTS = st.characters(exclude_categories=["Cs"])


@given(
    st.dictionaries(st.text(TEXTS, max_size=9).map("params.{}".format), VALUES, max_size=6),
    st.dictionaries(st.sampled_from(["authors", "datasets"]), LISTED),
)
def test_values_come_back_as_they_were(
    values: dict[str, Value], lists: dict[str, tuple[str, ...]]
) -> None:
    said = {**values, **lists}
    with Catalogue(None) as catalogue:
        (document,) = documents(catalogue.put(BASE, STATE, (), [read("1.0.0", said)]))

        assert catalogue.facts([document]).get(document, {}) == said
        for name, value in said.items():
            found = catalogue.column(name, [document])[document]
            assert (found, type(found)) == (value, type(value))


def test_metrics_come_back_with_what_they_were_measured_on(catalogue: Catalogue) -> None:
    measured = (Measured("auc", 0.9, "test", "s3://data", True), Measured("auc", 0.8))
    version = ReadVersion("1.0.0", root("1.0.0"), Digest.of(b"d"), Facts({}, measured))

    (document,) = documents(catalogue.put(BASE, STATE, (), [version]))

    assert catalogue.metrics([document]) == {document: measured}


def test_a_repository_is_replaced_whole_and_its_old_documents_go(catalogue: Catalogue) -> None:
    catalogue.put(BASE, STATE, (), [read("1.0.0", {}), read("1.1.0", {})])
    before = catalogue.known([BASE])[BASE]
    kept = [version for version in before.versions if version.tag == "1.1.0"]

    now = catalogue.put(BASE, STATE, kept, [read("1.2.0", {})])

    assert [version.tag for version in now.versions] == ["1.1.0", "1.2.0"]
    assert len(catalogue.sources()) == 2
    assert kept[0] in now.versions


def test_a_document_that_two_repositories_have_stays_while_one_has_it(catalogue: Catalogue) -> None:
    same = read("1.0.0", {"tags.team": "risk"})
    catalogue.put(BASE, STATE, (), [same])
    other = catalogue.put("other", STATE, (), [same])

    catalogue.forget([BASE])

    assert list(catalogue.column("tags.team", documents(other)).values()) == ["risk"]
    catalogue.forget(["other"])
    assert not catalogue.sources()
    assert not catalogue.repositories()


def test_a_document_that_is_read_again_says_what_it_says_now(catalogue: Catalogue) -> None:
    catalogue.put(BASE, STATE, (), [read("1.0.0", {"tags.team": "rosk"})])

    now = catalogue.put(BASE, STATE, (), [read("1.0.0", {"tags.team": "risk"})])

    assert list(catalogue.column("tags.team", documents(now)).values()) == ["risk"]


def test_a_version_whose_document_went_meanwhile_is_not_taken_for_read(
    catalogue: Catalogue,
) -> None:
    believed = ReadVersion("1.0.0", root("1.0.0"), Digest.of(b"removed by another process"))

    now = catalogue.put(BASE, STATE, (), [believed, read("1.1.0", {})])

    assert [version.tag for version in now.versions] == ["1.1.0"]
    assert now.state.fingerprint == ""


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_put_aside_and_made_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with Catalogue(path) as catalogue:
        catalogue.put(BASE, STATE, (), [read("1.0.0", {})])

    with Catalogue(path) as again:
        assert again.repositories() == (BASE,)
    assert path.with_name(f"{FILE}.damaged").read_bytes() == content


def test_a_file_of_a_later_lading_is_put_aside(path: Path) -> None:
    path.parent.mkdir()
    later = sqlite3.connect(path)
    later.execute("PRAGMA user_version = 99")
    later.close()

    with Catalogue(path) as catalogue:
        assert catalogue.repositories() == ()

    assert path.with_name(f"{FILE}.damaged").exists()


def test_a_file_that_is_damaged_in_mid_use_changes_no_answer(path: Path) -> None:
    runs = []

    def work(catalogue: Catalogue) -> int:
        runs.append(catalogue)
        now = catalogue.put(BASE, STATE, (), [read(f"1.{n}.0", {"size": n}) for n in range(200)])
        if len(runs) == 1:
            _ruin(path)
        return len(catalogue.column("size", documents(now)))

    assert using(path.parent, work) == 200
    assert len(runs) == 2
    with Catalogue(path) as catalogue:
        assert len(catalogue.known([BASE])[BASE].versions) == 200


def _ruin(path: Path) -> None:
    """Let another program write over the whole file."""
    other = sqlite3.connect(path)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    path.write_bytes(os.urandom(path.stat().st_size))


def test_a_file_without_its_tables_is_damaged(path: Path) -> None:
    with Catalogue(path) as catalogue:
        other = sqlite3.connect(path)
        other.execute("DROP TABLE facts")
        other.close()

        with pytest.raises(Damaged):
            catalogue.column("size", [1])


def test_a_file_that_is_deleted_in_mid_use_is_still_answered_from(path: Path) -> None:
    with Catalogue(path) as catalogue:
        now = catalogue.put(BASE, STATE, (), [read("1.0.0", {"size": 1})])
        path.unlink()

        assert catalogue.column("size", documents(now)) == dict.fromkeys(documents(now), 1)
        catalogue.put(BASE, STATE, now.versions, [read("1.1.0", {})])

    with Catalogue(path) as again:
        assert again.repositories() == ()


def test_a_file_that_another_process_never_lets_go_of_is_done_without(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.catalogue.database._WAIT_SECONDS", 0.1)
    with Catalogue(path) as first:
        first.put("before", STATE, (), [read("1.0.0", {"size": 7}, "before")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    def work(catalogue: Catalogue) -> list[Value]:
        now = catalogue.put(BASE, STATE, (), [read("1.0.0", {"size": 1})])
        before = catalogue.known(["before"])["before"]
        said = catalogue.column("size", [*documents(now), *documents(before)])
        return [said[each] for each in (*documents(now), *documents(before))]

    assert using(path.parent, work) == [1, 7]
    other.close()


def test_where_there_can_be_no_file_memory_serves(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")

    with Catalogue(tmp_path / "cache" / FILE) as catalogue:
        now = catalogue.put(BASE, STATE, (), [read("1.0.0", {"size": 1})])

        assert catalogue.column("size", documents(now)) == dict.fromkeys(documents(now), 1)


def test_a_full_disk_makes_no_difference_to_the_answer(path: Path) -> None:
    def fill() -> None:
        with Catalogue(path) as catalogue:
            catalogue.put("before", STATE, (), [read("1.0.0", {"size": 7}, "before")])
            # Nothing may grow from here on: what a full disk looks like to one process.
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            said: dict[str, Value] = {f"params.{n}": "x" * 1000 for n in range(1000)}
            (document,) = documents(catalogue.put(BASE, STATE, (), [read("1.0.0", said)]))
            before = documents(catalogue.known(["before"])["before"])

            assert catalogue.facts([document])[document] == said
            assert list(catalogue.column("size", before).values()) == [7]

    assert in_a_child(fill) == "done"
    with Catalogue(path) as catalogue:
        assert catalogue.repositories() == ("before",)


def test_a_folder_that_may_not_even_be_entered_is_done_without(path: Path) -> None:
    path.parent.mkdir(mode=0o700)

    def search() -> None:
        with Catalogue(path) as catalogue:
            now = catalogue.put(BASE, STATE, (), [read("1.0.0", {"size": 1})])

            assert list(catalogue.column("size", documents(now)).values()) == [1]

    assert as_nobody(search) == "done"


def test_a_folder_that_may_only_be_read_serves_what_it_has(path: Path) -> None:
    with Catalogue(path) as catalogue:
        catalogue.put("before", STATE, (), [read("1.0.0", {"size": 7}, "before")])
    for each in (path, path.parent):
        each.chmod(each.stat().st_mode & ~0o222)
    path.parent.parent.chmod(0o755)
    whole = path.read_bytes()

    def search() -> None:
        with Catalogue(path) as catalogue:
            before = catalogue.known(["before"])["before"]
            now = catalogue.put(BASE, STATE, (), [read("1.0.0", {"size": 1})])
            both = catalogue.column("size", [*documents(before), *documents(now)])

            assert list(both.values()) == [7, 1]

    said = as_nobody(search)
    path.parent.chmod(0o755)
    assert said == "done"
    assert path.read_bytes() == whole


def _put_many(path: Path, writer: int) -> None:
    with Catalogue(path) as catalogue:
        for turn in range(20):
            own = f"own/{writer}"
            catalogue.put(own, STATE, (), [read(f"1.{turn}.0", {"size": turn}, own)])
            catalogue.put(BASE, STATE, (), [read(f"1.{n}.0", {"size": n}) for n in range(5)])


def test_several_processes_write_at_once(path: Path) -> None:
    writers = [
        threading.Thread(target=lambda n=n: said.append(in_a_child(lambda: _put_many(path, n))))
        for n in range(4)
    ]
    said: list[str] = []
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert said == ["done"] * 4
    with Catalogue(path) as catalogue:
        assert set(catalogue.repositories()) == {BASE, *(f"own/{n}" for n in range(4))}
        shared = catalogue.known([BASE])[BASE]
        sizes = catalogue.column("size", documents(shared))
        assert sorted(sizes[each] for each in documents(shared)) == [0, 1, 2, 3, 4]
        assert len(catalogue.sources()) == 9
    assert not path.with_name(f"{FILE}.damaged").exists()

"""Remembered digests: right or forgotten, never wrong."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from packing.trees import make, settle
from parts.child import as_nobody

from lading.packing.memory import DigestMemory, file_key, is_settled
from lading.packing.scan import FileIdentity, scan

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND + 123_456_789


def digest(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "digests.sqlite"


def test_what_is_remembered_is_recalled_by_another(path: Path) -> None:
    DigestMemory(path).remember({digest(1): digest(11), digest(2): digest(22)})

    assert DigestMemory(path).recall([digest(2), digest(3)]) == {digest(2): digest(22)}


def test_many_are_recalled_at_once(path: Path) -> None:
    many = {digest(number): digest(number + 1) for number in range(5000)}
    DigestMemory(path).remember(many)

    assert DigestMemory(path).recall(many) == many


def test_the_last_one_remembered_holds(path: Path) -> None:
    memory = DigestMemory(path)

    memory.remember({digest(1): digest(11)})
    memory.remember({digest(1): digest(12)})

    assert memory.recall([digest(1)]) == {digest(1): digest(12)}


def test_asking_makes_nothing(path: Path) -> None:
    assert DigestMemory(path).recall([digest(1)]) == {}
    assert not path.parent.exists()


def test_the_oldest_are_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lading.packing.memory._MOST_ROWS", 100)
    memory = DigestMemory(path)
    for start in range(0, 300, 50):
        memory.remember({digest(0): digest(7)})
        memory.remember({digest(n): digest(n) for n in range(start + 1, start + 51)})

    kept = memory.recall([digest(number) for number in range(301)])

    assert len(kept) <= 100
    assert digest(300) in kept
    assert digest(1) not in kept
    assert kept[digest(0)] == digest(7), "what is remembered again is young again"


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" * 200])
def test_a_damaged_file_is_made_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    memory = DigestMemory(path)

    assert memory.recall([digest(1)]) == {}
    memory.remember({digest(1): digest(11)})

    assert memory.recall([digest(1)]) == {digest(1): digest(11)}


def test_a_damaged_row_is_not_believed(path: Path) -> None:
    memory = DigestMemory(path)
    memory.remember({digest(1): digest(11), digest(2): digest(22)})
    raw = path.read_bytes()
    path.write_bytes(raw.replace(bytes.fromhex(digest(11)), bytes.fromhex(digest(12))))

    assert memory.recall([digest(1), digest(2)]) == {digest(2): digest(22)}


def test_an_empty_file_is_as_good_as_none(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    memory = DigestMemory(path)

    memory.remember({digest(1): digest(11)})

    assert memory.recall([digest(1)]) == {digest(1): digest(11)}


def test_a_locked_file_is_done_without(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lading.packing.memory._PATIENCE", 0.05)
    memory = DigestMemory(path)
    memory.remember({digest(1): digest(11)})
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")

        memory.remember({digest(2): digest(22)})
        meanwhile = memory.recall([digest(1)])

    assert meanwhile == {}
    assert memory.recall([digest(1), digest(2)]) == {digest(1): digest(11)}


def test_a_folder_that_may_not_be_written_is_done_without() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        memory = DigestMemory(Path(name) / "cache" / "digests.sqlite")

        def use() -> None:
            memory.remember({digest(1): digest(11)})
            assert memory.recall([digest(1)]) == {}

        assert as_nobody(use) == "done"


def test_a_file_that_may_only_be_read_is_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        memory = DigestMemory(Path(name) / "digests.sqlite")
        memory.remember({digest(1): digest(11)})

        def use() -> None:
            memory.remember({digest(2): digest(22)})
            assert memory.recall([digest(1), digest(2)]) == {digest(1): digest(11)}

        assert as_nobody(use) == "done"


def test_a_folder_in_the_place_of_the_file_is_done_without(path: Path) -> None:
    path.mkdir(parents=True)
    memory = DigestMemory(path)

    memory.remember({digest(1): digest(11)})

    assert memory.recall([digest(1)]) == {}


def test_many_processes_write_at_once(path: Path) -> None:
    children = []
    for child in range(4):
        pid = os.fork()
        if pid == 0:
            memory = DigestMemory(path)
            for number in range(20):
                memory.remember({digest(child * 100 + number): digest(number)})
            os._exit(0)
        children.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in children]

    keys = [digest(child * 100 + number) for child in range(4) for number in range(20)]
    assert statuses == [0] * 4
    assert len(DigestMemory(path).recall(keys)) == 80


# When a file may be remembered


def identity(
    *, mtime_ns: int = NOW - 10 * SECOND, ctime_ns: int = NOW - 10 * SECOND
) -> FileIdentity:
    return FileIdentity(1, 2, 3, mtime_ns, ctime_ns)


def test_a_file_that_rests_is_settled() -> None:
    assert is_settled(identity(), NOW)
    assert is_settled(identity(ctime_ns=NOW - 21_000_000), NOW)


@pytest.mark.parametrize("age_ns", [0, 1_000_000, 19_000_000, -5_000_000, -3600 * SECOND])
def test_a_file_changed_within_the_clocks_tick_is_not_settled(age_ns: int) -> None:
    assert not is_settled(identity(ctime_ns=NOW - age_ns), NOW)


@pytest.mark.parametrize("age_ns", [0, 19_000_000, -19_000_000])
def test_a_file_written_within_the_clocks_tick_is_not_settled(age_ns: int) -> None:
    assert not is_settled(identity(mtime_ns=NOW - age_ns), NOW)


def test_a_file_dated_in_the_future_settles_all_the_same() -> None:
    assert is_settled(identity(mtime_ns=NOW + 3600 * SECOND), NOW)


def test_whole_seconds_are_a_coarse_clock() -> None:
    whole = NOW - NOW % SECOND

    assert not is_settled(identity(ctime_ns=whole - SECOND), NOW)
    assert is_settled(identity(ctime_ns=whole - 3 * SECOND), NOW)


def test_a_files_key_is_its_identity(tmp_path: Path) -> None:
    make(tmp_path, {"a": b"1", "b": b"1"})
    first = {m.path: file_key(m.identity) for m in scan(tmp_path).members}
    settle()
    (tmp_path / "a").write_bytes(b"2")
    (tmp_path / "b").rename(tmp_path / "c")

    second = {m.path: file_key(m.identity) for m in scan(tmp_path).members}

    assert second["a"] != first["a"]
    assert second["c"] != first["b"], "a rename changes the time of change"
    assert len({*first.values(), *second.values()}) == 4

"""A folder of documents: whole or not at all, and nobody else's work is lost."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from lading.errors import Conflict, InvalidInput, LadingError, LocalFailure
from lading.operations.deploying.folder import headed, is_ours, put, replace
from lading.operations.deploying.written import find

FILES = {
    "kustomization.yaml": "kind: Kustomization\n",
    "service.yaml": "kind: Service\n",
    "digests.yaml": "digest: one\n",
}


def read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_new_folder_appears_with_everything_in_it(tmp_path: Path) -> None:
    assert put(tmp_path / "a/b", FILES) == "written"

    assert set(read(tmp_path / "a/b")) == set(FILES)
    assert all(is_ours(text) for text in read(tmp_path / "a/b").values())
    assert os.listdir(tmp_path / "a") == ["b"]
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o755


def test_the_second_time_nothing_is_touched(tmp_path: Path) -> None:
    put(tmp_path / "a", FILES)
    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "a").iterdir())]

    assert put(tmp_path / "a", FILES) == "unchanged"

    assert before == [path.stat().st_mtime_ns for path in sorted((tmp_path / "a").iterdir())]


def test_a_document_that_is_no_longer_wanted_goes_and_other_stages_values_stay(
    tmp_path: Path,
) -> None:
    put(tmp_path / "a", FILES | {"values-dev.yaml": "a: 1\n", "budget.yaml": "kind: Budget\n"})

    assert put(tmp_path / "a", FILES | {"values-prod.yaml": "a: 2\n"}) == "written"

    assert set(read(tmp_path / "a")) == {*FILES, "values-dev.yaml", "values-prod.yaml"}


@pytest.mark.parametrize("name", ["service.yaml", "README.md", "overlay"])
def test_what_others_wrote_is_refused_and_kept(tmp_path: Path, name: str) -> None:
    put(tmp_path / "a", FILES)
    if name == "overlay":
        (tmp_path / "a" / name).mkdir()
    else:
        (tmp_path / "a" / name).write_text("mine\n")

    with pytest.raises(Conflict) as refused:
        put(tmp_path / "a", FILES | {"service.yaml": "kind: Other\n"})

    assert name in refused.value.what
    assert "--force" in str(refused.value.hint)
    assert (tmp_path / "a" / name).is_dir() or (tmp_path / "a" / name).read_text() == "mine\n"


def test_an_edited_document_is_known_from_its_sum(tmp_path: Path) -> None:
    put(tmp_path / "a", FILES)
    edited = (tmp_path / "a/service.yaml").read_text() + "spec: {}\n"
    (tmp_path / "a/service.yaml").write_text(edited)

    with pytest.raises(Conflict, match="was edited") as refused:
        put(tmp_path / "a", FILES)

    assert "overlay" in str(refused.value.hint)
    assert (tmp_path / "a/service.yaml").read_text() == edited


def test_with_force_files_of_one_name_are_written_over_and_others_stay(tmp_path: Path) -> None:
    put(tmp_path / "a", FILES)
    (tmp_path / "a/service.yaml").write_text("mine\n")
    (tmp_path / "a/other.yaml").write_text("mine\n")

    assert put(tmp_path / "a", FILES, force=True) == "written"

    assert is_ours((tmp_path / "a/service.yaml").read_text())
    assert (tmp_path / "a/other.yaml").read_text() == "mine\n"


def test_comments_in_the_digests_stay_while_they_say_the_same(tmp_path: Path) -> None:
    put(tmp_path / "a", FILES)
    path = tmp_path / "a/digests.yaml"
    commented = path.read_text().replace("digest: one", "digest: one  # see ticket 7")
    path.write_text(commented)

    assert put(tmp_path / "a", FILES) == "unchanged"
    assert path.read_text() == commented
    assert put(tmp_path / "a", FILES | {"digests.yaml": "digest: two\n"}) == "written"
    assert "two" in path.read_text()


def test_hidden_files_are_nobody_s_business(tmp_path: Path) -> None:
    (tmp_path / "a/.git").mkdir(parents=True)

    assert put(tmp_path / "a", FILES) == "written"


def test_bytes_that_are_no_text_are_somebody_else_s(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/service.yaml").write_bytes(b"\xff\xfe")

    with pytest.raises(Conflict):
        put(tmp_path / "a", FILES)


def test_a_file_in_the_folder_s_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")

    with pytest.raises(LocalFailure, match="cannot write"):
        put(tmp_path / "a", FILES)


def test_a_write_that_breaks_off_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    put(tmp_path / "a", FILES)
    before = read(tmp_path / "a")
    # A folder stands where the new text of a document would be put aside.
    (tmp_path / "a/.service.yaml.new").mkdir()

    with pytest.raises(LocalFailure):
        put(tmp_path / "a", {name: f"{text}new: 1\n" for name, text in FILES.items()})

    (tmp_path / "a/.service.yaml.new").rmdir()
    assert read(tmp_path / "a") == before


@pytest.mark.parametrize("there", [False, True])
def test_two_at_once_leave_the_documents_of_one(there: bool, tmp_path: Path) -> None:
    sets = [{f"{n}.yaml": f"who: {who}\n" for n in range(20)} for who in range(4)]
    for turn in range(5):
        folder = tmp_path / str(turn)
        if there:
            put(folder, dict.fromkeys(sets[0], "who: nobody\n"))

        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(partial(put, folder), sets))

        assert set(done) == {"written"}
        assert read(folder) in [headed(files) for files in sets]
        assert os.listdir(tmp_path).count(str(turn)) == 1
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_who_interrupts_finds_every_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a"
    put(folder, FILES)
    before = read(folder)
    moved = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        made = moved(self, target)
        if target.name == "service.yaml":
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(folder, {name: f"{text}b: 1\n" for name, text in (FILES | {"new.yaml": ""}).items()})
    with pytest.raises(KeyboardInterrupt):
        replace(folder, {"service.yaml": (before["service.yaml"], "kind: Other\n")})

    assert read(folder) == before


@pytest.mark.parametrize(
    "broken",
    ["[" * 100_000, "a: 2026-02-30", f"a: {'9' * 5000}", "a: &a [1]\nb: [*a, *a]", "a: b: c", "\t"],
    ids=["deep", "no date", "long number", "anchor", "no yaml", "tab"],
)
def test_digests_that_somebody_broke_are_written_anew(broken: str, tmp_path: Path) -> None:
    put(tmp_path / "a", FILES)
    digests = tmp_path / "a/digests.yaml"
    written = digests.read_text()
    digests.write_text(f"{written.partition(chr(10))[0]}\n{broken}")

    assert put(tmp_path / "a", FILES) == "written"

    assert digests.read_text() == written


def test_what_cannot_be_a_folder_is_refused_with_what_next(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    places = [tmp_path / name for name in ("file", "file/below", "link", "x" * 300)]

    for place in places:
        with pytest.raises(LocalFailure) as writing:
            put(place, FILES)
        with pytest.raises(LadingError) as reading:
            find(place)

        assert writing.value.hint and reading.value.hint
    with pytest.raises(InvalidInput, match="is no folder"):
        find(tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]
    assert (tmp_path / "file").read_text() == "x"

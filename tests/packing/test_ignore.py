"""What is left out, as git would leave it out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing.trees import make
from parts.laws import tries

from lading.errors import InvalidInput
from lading.packing.ignore import DEFAULTS, matcher, rules
from lading.packing.scan import scan


def packed(folder: Path) -> set[str]:
    return {member.path for member in scan(folder).members}


DEFAULT = [
    ".git",
    "deep/.git",
    "__pycache__",
    "code/x.pyc",
    ".ipynb_checkpoints",
    ".DS_Store",
    "a/b/Thumbs.db",
    ".config.json.swp",
    "notes~",
    ".#locked",
    ".idea",
    ".vscode",
    ".lading-pull",
    ".cache/huggingface",
    "._weights.bin",
    ".venv",
]
PACKED = [
    "weights.bin",
    ".gitattributes",
    ".gitignore",
    "git",
    "x.py",
    ".cache",
    "deep/.cache/huggingface",
    "huggingface",
    "a~b",
    "swp",
    "x.pyc.bin",
    "idea",
]


@pytest.mark.parametrize("path", DEFAULT)
def test_caches_and_editors_files_are_left_out(path: str) -> None:
    ignored = matcher(DEFAULTS)

    assert ignored(path, True)
    assert ignored(path, False)


@pytest.mark.parametrize("path", PACKED)
def test_what_only_looks_like_them_is_packed(path: str) -> None:
    ignored = matcher(DEFAULTS)

    assert not ignored(path, True)
    assert not ignored(path, False)


_FILES = {
    "weights.bin": b"1",
    "optimizer.pt": b"1",
    "runs/1/events.log": b"1",
    "runs/1/keep.log": b"1",
    "runs/2/events.log": b"1",
    "data/train.csv": b"1",
    "data/deep/test.csv": b"1",
    "keep/data/x.csv": b"1",
    "tmp/x": b"1",
    "a/tmp": b"1",
    "spaced name ": b"1",
    "#hash": b"1",
    "!bang": b"1",
    "[x].bin": b"1",
    "x.bin": b"1",
    "ÄÖ.bin": b"1",
}


@pytest.mark.parametrize(
    "lines",
    [
        ["*.log"],
        ["*.log", "!keep.log"],
        ["runs/", "!runs/1/keep.log"],
        ["/data"],
        ["data/"],
        ["data/*.csv"],
        ["data/**/*.csv"],
        ["**/data"],
        ["*", "!*.bin"],
        ["*", "!*/", "!*.csv"],
        ["/*", "!/keep"],
        ["/*", "!/runs", "/runs/*", "!/runs/1"],
        ["tmp/"],
        ["tmp"],
        ["# a comment", "", "x.bin"],
        ["\\#hash", "\\!bang"],
        ["spaced name\\ "],
        ["\\[x\\].bin"],
        ["[x].bin"],
        ["?.bin"],
        ["ÄÖ.bin"],
        ["a/**"],
        ["[!x].bin"],
    ],
)
def test_patterns_mean_what_they_mean_to_git(tmp_path: Path, lines: list[str]) -> None:
    folder = make(tmp_path / "model", _FILES)
    (folder / ".ladingignore").write_text("\n".join(lines) + "\n")

    assert packed(folder) == by_git(folder, lines) - {".ladingignore"}


# One star is as good as two within a name, except to git, which forgets what it has matched
# before them: only whole parts are two stars here.
_PIECES = st.one_of(
    st.sampled_from(["a", "b", "ab", ".", "*", "?", "-", "1", "!", "#"]),
    st.sampled_from(["[ab]", "[!a]", "[^a]", "[a-c]", "[]a]", "[c-a]", "[!]a]", "[a-]", "[\\]"]),
    st.sampled_from(["[", "]", "\\*", "\\a", "\\", "[[:alpha:]]", "[[:digit:]b]", "[[:none:]]"]),
)
_PARTS = st.one_of(
    st.just("**"),
    st.lists(_PIECES, min_size=1, max_size=4).map("".join).filter(lambda part: "**" not in part),
)
_LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "!"]),
        st.sampled_from(["", "", "/"]),
        st.lists(_PARTS, min_size=1, max_size=3).map("/".join),
        st.sampled_from(["", "", "/", " "]),
    ).map("".join),
    max_size=4,
)
_NAMES = st.sampled_from(["a", "b", "ab", "a.b", "abc", "a[b", "]", "-", "#a", "!a", "b*", "1"])
_PATHS = st.lists(st.lists(_NAMES, min_size=1, max_size=3), max_size=12)


@given(_LINES, _PATHS)
@tries(60)
def test_any_pattern_means_what_it_means_to_git(lines: list[str], paths: list[list[str]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for parts in paths:
            place = folder.joinpath(*parts)
            if not any(above.is_file() for above in place.parents) and not place.exists():
                make(folder, {"/".join(parts): b""})

        ours = set(walked(folder, lines))

        assert ours == by_git(folder, lines)


def walked(folder: Path, lines: list[str]) -> Iterable[str]:
    ignored = matcher(lines)
    waiting = [folder]
    while waiting:
        for place in waiting.pop().iterdir():
            path = place.relative_to(folder).as_posix()
            if ignored(path, place.is_dir()):
                continue
            if place.is_dir():
                waiting.append(place)
            else:
                yield path


def by_git(folder: Path, lines: list[str]) -> set[str]:
    """The files that git would not ignore."""
    with TemporaryDirectory() as repository:
        environment = {"PATH": os.environ["PATH"], "HOME": repository, "LC_ALL": "C.UTF-8"}
        subprocess.run(["git", "init", "-q", "--bare", repository], env=environment, check=True)
        Path(repository, "patterns").write_text("\n".join(lines) + "\n")
        listed = subprocess.run(
            [
                *("git", f"--git-dir={repository}", f"--work-tree={folder}", "ls-files", "-z"),
                *("--others", f"--exclude-from={repository}/patterns"),
            ],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
        )
        return set(listed.stdout.decode().split("\0")) - {""}


def test_a_default_is_brought_back(tmp_path: Path) -> None:
    make(tmp_path, {".git/config": b"1", ".vscode/x": b"1", "weights.bin": b"1", "old~": b"1"})
    (tmp_path / ".ladingignore").write_text("!.git\n!*~\n")

    assert packed(tmp_path) == {".git/config", "weights.bin", "old~"}


def test_only_the_file_at_the_root_counts_and_it_is_not_packed(tmp_path: Path) -> None:
    make(tmp_path, {"weights.bin": b"1", "inner/x.log": b"1", "inner/.ladingignore": b"x.log\n"})
    (tmp_path / ".ladingignore").write_text("*.tmp\n!.ladingignore\n")

    assert packed(tmp_path) == {"weights.bin", "inner/x.log", "inner/.ladingignore"}


def test_what_is_left_out_is_not_looked_into(tmp_path: Path) -> None:
    make(tmp_path, {"weights.bin": b"1"}, ("runs", ".git"))
    (tmp_path / ".ladingignore").write_text("runs\n*.sock\nbroken\n")
    for name in ("runs/pipe", ".git/pipe", "x.sock"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / ".#lock").symlink_to("user@host:1")

    tree = scan(tmp_path)

    assert [member.path for member in tree.members] == ["weights.bin"]
    assert tree.folders == ()


def test_a_pattern_for_folders_holds_for_links_to_folders_too(tmp_path: Path) -> None:
    make(tmp_path, {"weights.bin": b"1", "real/x": b"1"})
    (tmp_path / "alias").symlink_to("real")
    (tmp_path / ".ladingignore").write_text("alias/\n")

    assert packed(tmp_path) == {"weights.bin", "real/x"}


def test_a_file_written_on_windows_is_understood(tmp_path: Path) -> None:
    make(tmp_path, {"weights.bin": b"1", "x.log": b"1"})
    (tmp_path / ".ladingignore").write_bytes(b"\xef\xbb\xbf*.log\r\n")

    assert packed(tmp_path) == {"weights.bin"}


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"\xff\xfe*\0", "not UTF-8"), (b"x" * (1024 * 1024 + 1), "larger than 1 MiB")],
)
def test_a_file_that_is_no_list_of_patterns_is_refused(
    tmp_path: Path, content: bytes, what: str
) -> None:
    (tmp_path / ".ladingignore").write_bytes(content)

    with pytest.raises(InvalidInput, match=what):
        rules(tmp_path)


def test_a_pipe_in_the_place_of_the_patterns_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".ladingignore")

    with pytest.raises(InvalidInput, match="is not a file"):
        rules(tmp_path)

"""A repository that came from anywhere runs nothing when it is looked at.

Each trap is first sprung by plain git, so that a trap which cannot work is no proof.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from capture.repositories import Repository, environment
from hypothesis import given
from hypothesis import strategies as st
from parts.laws import tries

from lading.capture import git as asking
from lading.capture.author import author
from lading.capture.code import (
    CapturedCode,
    _state,  # what git prints, told apart; no part of the surface
    capture,
)


class Trap:
    """A repository whose configuration names a program that leaves a mark."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "it-ran"
        self.program = folder / "program"
        self.program.write_text(f"#!/bin/sh\ntouch '{self.mark}'\ncat\n")
        self.program.chmod(0o755)
        self.repository = Repository(folder / "project")
        self.repository.write("data.bin", "first\n")
        self.repository.commit()

    def set(self, name: str, value: str | None = None) -> None:
        self.repository.git("config", name, value or str(self.program))

    def attribute(self, text: str) -> None:
        # Set apart from the commit: adding the files would run the filter at once.
        attributes = self.repository.folder / ".git" / "info" / "attributes"
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(text)

    def change(self) -> None:
        self.repository.write("data.bin", "other\n")
        self.repository.write("train.py", "other\n")

    def springs(self, *words: str) -> bool:
        """Whether plain git runs the program."""
        subprocess.run(
            ["git", "-C", str(self.repository.folder), *words],
            capture_output=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        sprung = self.mark.exists()
        self.mark.unlink(missing_ok=True)
        return sprung


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def looked_at(trap: Trap) -> CapturedCode:
    author(trap.repository.folder, environment=environment())
    return capture(trap.repository.folder, environment=environment(), with_diff=True)


def fsmonitor(trap: Trap) -> str:
    trap.set("core.fsmonitor")
    return "status"


def external_diff(trap: Trap) -> str:
    trap.set("diff.external")
    return "diff"


def driver_command(trap: Trap) -> str:
    trap.set("diff.evil.command")
    trap.attribute("* diff=evil\n")
    return "diff"


def textconv(trap: Trap) -> str:
    trap.set("diff.evil.textconv")
    trap.attribute("* diff=evil\n")
    return "diff"


def clean_filter(trap: Trap) -> str:
    trap.set("filter.evil.clean")
    trap.attribute("* filter=evil\n")
    return "status"


def required_filter(trap: Trap) -> str:
    trap.set("filter.evil.required", "true")
    return clean_filter(trap)


def process_filter(trap: Trap) -> str:
    trap.set("filter.evil.process")
    trap.attribute("* filter=evil\n")
    return "status"


def odd_filter(trap: Trap) -> str:
    trap.set("filter.e.v 'il.clean")
    trap.attribute('* "filter=e.v \'il"\n* filter=e.v\n')
    trap.set("filter.e.v.clean")
    return "status"


def included_filter(trap: Trap) -> str:
    other = trap.repository.folder / ".git" / "more"
    other.write_text(f'[filter "hidden"]\n\tclean = {trap.program}\n')
    trap.set("include.path", str(other))
    trap.attribute("* filter=hidden\n")
    return "status"


def index_hook(trap: Trap) -> str:
    hook = trap.repository.folder / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    shutil.copy(trap.program, hook)
    return "status"


def hooks_path(trap: Trap) -> str:
    hooks = trap.program.parent / "hooks"
    hooks.mkdir()
    shutil.copy(trap.program, hooks / "post-index-change")
    trap.set("core.hooksPath", str(hooks))
    return "status"


def signature_program(trap: Trap) -> str:
    signed = trap.repository.git("cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\n", 1
    )
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    done = subprocess.run(
        command,
        cwd=trap.repository.folder,
        input=signed + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    trap.repository.git("reset", "--soft", done.stdout.strip())
    trap.set("log.showSignature", "true")
    trap.set("gpg.program")
    return "log"


PIECES = [
    *(b"# branch.oid ", b"# branch.head ", b"1 .M N... ", b"2 ", b"u ", b"\0", b" ", b"100644 "),
    *(b"(detached)", b"(initial)", b"\xff", b"a" * 40),
]
TRAPS = [
    *(fsmonitor, external_diff, driver_command, textconv, clean_filter, required_filter),
    *(process_filter, odd_filter, included_filter, index_hook, hooks_path, signature_program),
]


@pytest.mark.parametrize("lay", TRAPS, ids=lambda lay: lay.__name__)
def test_no_program_of_the_repository_runs(trap: Trap, lay: Callable[[Trap], str]) -> None:
    word = lay(trap)
    trap.change()
    assert trap.springs(word), "plain git does not step into this trap: it proves nothing"

    found = looked_at(trap)

    assert not trap.mark.exists()
    assert found.code
    assert found.code.dirty is True
    assert found.patch
    assert b"+other" in found.patch


def partial_clone(trap: Trap, address: str) -> None:
    """A repository that lacks a blob, and would ask a remote for it."""
    # Whoever answers nothing at all would be waited for.
    trap.program.write_text(f"#!/bin/sh\ntouch '{trap.mark}'\nexit 1\n")
    blob = trap.repository.git("rev-parse", "HEAD:data.bin")
    (trap.repository.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    trap.set("core.repositoryFormatVersion", "1")
    trap.set("extensions.partialClone", "origin")
    trap.set("remote.origin.url", address)
    trap.set("remote.origin.promisor", "true")
    trap.set("remote.origin.partialclonefilter", "blob:none")


def over_ext(trap: Trap) -> str:
    trap.set("protocol.ext.allow", "always")
    return f"ext::{trap.program}"


def over_ssh(trap: Trap) -> str:
    trap.set("core.sshCommand")
    return "ssh://host.invalid/project.git"


def over_upload_pack(trap: Trap) -> str:
    trap.set("protocol.file.allow", "always")
    trap.set("remote.origin.uploadpack")
    return str(trap.repository.folder)


@pytest.mark.parametrize("way", [over_ext, over_ssh, over_upload_pack], ids=lambda w: w.__name__)
@pytest.mark.parametrize("known", ["GIT_NO_LAZY_FETCH", "GIT_ALLOW_PROTOCOL"])
def test_what_a_partial_clone_lacks_is_not_fetched(
    trap: Trap, way: Callable[[Trap], str], known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first came late to git: each must do without the other.
    others = {"GIT_NO_LAZY_FETCH", "GIT_ALLOW_PROTOCOL"} - {known}
    kept = {name: value for name, value in asking._SET.items() if name not in others}
    monkeypatch.setattr(asking, "_SET", kept)
    partial_clone(trap, way(trap))
    trap.change()
    assert trap.springs("diff", "HEAD"), "plain git does not step into this trap"

    found = looked_at(trap)

    assert not trap.mark.exists()
    assert found.code
    assert found.code.dirty is True
    assert found.patch is None
    assert any("What was not committed is not known" in note for note in found.notes)


def test_a_submodules_configuration_runs_nothing(trap: Trap, tmp_path: Path) -> None:
    part = Repository(tmp_path / "part")
    trap.repository.git("submodule", "--quiet", "add", str(part.folder), "part")
    trap.repository.commit()
    inside = trap.repository.folder / "part"
    subprocess.run(
        ["git", "config", "filter.evil.clean", str(trap.program)], cwd=inside, check=True
    )
    attributes = trap.repository.folder / ".git" / "modules" / "part" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* filter=evil\n")
    # Of the same size, so that git has to compare what the filter makes of it.
    (inside / "train.py").write_text("PRINT('TRAINED')\n")
    assert trap.springs("status")
    trap.set("diff.ignoreSubmodules", "none")
    trap.set("diff.submodule", "diff")
    trap.set("status.submoduleSummary", "true")

    looked_at(trap)

    assert not trap.mark.exists()


def test_a_filter_whose_name_cannot_be_overruled_stops_the_questions(trap: Trap) -> None:
    trap.set("filter.a=b.clean")
    trap.attribute("* filter=a=b\n")
    trap.change()
    assert trap.springs("status")

    found = looked_at(trap)

    assert not trap.mark.exists()
    assert found.code is None
    assert "a filter of the repository" in found.notes[0]


def test_pager_and_alias_run_nothing(trap: Trap) -> None:
    trap.set("core.pager")
    trap.set("pager.status")
    trap.set("pager.config")
    trap.set("pager.diff")
    for word in ("status", "config", "diff"):
        trap.set(f"alias.{word}", f"!{trap.program}")
    trap.change()

    found = looked_at(trap)

    assert not trap.mark.exists()
    assert found.code
    assert found.code.dirty is True


def test_a_bare_repository_inside_a_folder_is_not_asked(trap: Trap, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trap.repository.folder / ".git", folder)
    configuration = f"[core]\nbare = false\nworktree = {folder}\nfsmonitor = {trap.program}\n"
    (folder / "config").write_text(configuration)

    (folder / ".git").mkdir()  # something to ask about, and nothing that git takes for its own
    found = capture(folder, environment=environment(), with_diff=True)
    author(folder, environment=environment())

    assert not trap.mark.exists()
    assert (found.code, found.patch) == (None, None)


@given(st.binary(max_size=200) | st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_status_is_told_apart(answer: bytes) -> None:
    state = _state(answer, None)

    assert isinstance(state.dirty, bool)
    assert (state.branch or "").encode() is not None


@given(pointer=st.binary(max_size=80), prefix=st.sampled_from([b"", b"gitdir: "]))
@tries(25)
def test_any_git_file_gives_code_or_a_note(
    tmp_path_factory: pytest.TempPathFactory, pointer: bytes, prefix: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / ".git").write_bytes(prefix + pointer)

    found = capture(folder, environment=environment(), with_diff=True)

    assert found.code is None
    assert len(found.notes) == 1


@given(configuration=st.binary(max_size=80), index=st.binary(max_size=80))
@tries(20)
def test_any_configuration_and_index_give_code_or_a_note(
    tmp_path_factory: pytest.TempPathFactory, configuration: bytes, index: bytes
) -> None:
    folder = Repository(tmp_path_factory.mktemp("any") / "it").folder
    with (folder / ".git" / "config").open("ab") as file:
        file.write(configuration)
    (folder / ".git" / "index").write_bytes(index)

    found = capture(folder, environment=environment(), with_diff=True)

    assert found.code or found.notes


def test_a_path_with_a_colon_does_not_let_git_go_further_up(trap: Trap) -> None:
    folder = trap.repository.folder / "a:b"
    (folder / ".git").mkdir(parents=True)

    found = capture(folder, environment=environment(), with_diff=True)

    assert (found.code, found.patch) == (None, None)
    assert "colon" in found.notes[0]

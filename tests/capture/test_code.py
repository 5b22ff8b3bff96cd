"""The code behind a model, whatever state its repository is in."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from capture.repositories import Repository, environment

from lading.capture import git as asking
from lading.capture.author import author
from lading.capture.code import CapturedCode, capture
from lading.capture.git import Git


def captured(folder: Path, *, fallback: Path | None = None, diff: bool = False) -> CapturedCode:
    return capture(folder, environment=environment(), fallback=fallback, with_diff=diff)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "project")


def test_a_clean_repository_gives_commit_and_branch(repository: Repository) -> None:
    found = captured(repository.folder)

    assert found.code
    assert found.code.commit == repository.head
    assert (found.code.branch, found.code.dirty, found.code.path) == ("main", False, None)
    assert found.author == "Ada Lovelace <ada@example.org>"
    assert found.notes == ()


def test_a_folder_inside_is_named_by_its_path(repository: Repository) -> None:
    model = repository.write("out/model/weights.bin", "w").parent

    found = captured(model)

    assert found.code
    assert found.code.path == "out/model"


def test_an_untracked_model_does_not_make_the_code_dirty(repository: Repository) -> None:
    model = repository.write("model/weights.bin", "w").parent
    repository.write("scratch.txt", "also untracked")

    found = captured(model)

    assert found.code
    assert found.code.dirty is False


@pytest.mark.parametrize("staged", [True, False])
def test_a_tracked_file_that_changed_makes_it_dirty(repository: Repository, staged: bool) -> None:
    repository.write("train.py", "print('changed')\n")
    if staged:
        repository.git("add", "train.py")

    found = captured(repository.folder)

    assert found.code
    assert found.code.dirty is True


def test_looking_changes_nothing_in_the_repository(repository: Repository) -> None:
    os.utime(repository.folder / "train.py", (1, 1))  # the index would be refreshed
    before = (repository.folder / ".git" / "index").read_bytes()

    captured(repository.folder, diff=True)

    assert (repository.folder / ".git" / "index").read_bytes() == before


def test_the_patch_makes_the_changed_tree_of_the_commit(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("config", "diff.noprefix", "true")
    repository.git("config", "color.ui", "always")
    binary = repository.folder / "table.bin"
    binary.write_bytes(bytes(range(256)))
    repository.commit()
    binary.write_bytes(bytes(reversed(range(256))))
    repository.write("train.py", "print('changed')\n")
    repository.write("new.py", "untracked\n")

    found = captured(repository.folder, diff=True)

    assert found.patch
    assert found.code
    assert found.code.patch_sha256 == hashlib.sha256(found.patch).hexdigest()
    assert found.notes == ("The patch holds changes of tracked files only.",)
    copy = tmp_path / "copy"
    repository.git("clone", "--quiet", str(repository.folder), str(copy))
    subprocess.run(["git", "apply"], cwd=copy, input=found.patch, check=True)
    assert (copy / "train.py").read_text() == "print('changed')\n"
    assert (copy / "table.bin").read_bytes() == binary.read_bytes()
    assert not (copy / "new.py").exists()


def test_a_clean_repository_has_no_patch(repository: Repository) -> None:
    found = captured(repository.folder, diff=True)

    assert found.patch is None
    assert found.code
    assert found.code.patch_sha256 is None


def test_a_patch_that_is_too_large_is_left_out_with_a_note(repository: Repository) -> None:
    repository.write("train.py", os.urandom(6 * 1024 * 1024).hex())

    found = captured(repository.folder, diff=True)

    assert found.patch is None
    assert found.code
    assert (found.code.dirty, found.code.patch_sha256) == (True, None)
    assert found.notes == ("What was not committed is larger than 8 MiB: no patch.",)


def test_a_file_that_only_a_filter_changes_may_count_as_changed(repository: Repository) -> None:
    repository.git("config", "filter.upper.clean", "tr a-z A-Z")
    repository.write(".gitattributes", "*.txt filter=upper\n")
    text = repository.write("text.txt", "quiet\n")
    os.utime(text, (1, 1))  # long ago: else git looks twice at what is as new as its index
    repository.commit()

    before = captured(repository.folder)
    text.touch()
    after = captured(repository.folder)

    assert before.code
    assert (before.code.dirty, before.notes) == (False, ())
    assert after.code
    assert after.code.dirty is True
    assert after.notes == (
        "Filters of git (upper) were not run: a file may count as changed that only they change.",
    )


class TestLargeFiles:
    """Files of Git LFS, whose filter is what LFS does to them."""

    CLEAN = (
        "python3 -c 'import sys, hashlib as h; b = sys.stdin.buffer.read(); "
        'print("version https://git-lfs.github.com/spec/v1\\noid sha256:" + '
        'h.sha256(b).hexdigest() + "\\nsize " + str(len(b)))\''
    )

    @pytest.fixture(params=["sha1", "sha256"])
    def kept(self, request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
        folder = tmp_path / "large"
        command = ["git", "init", "--quiet", "--object-format", request.param, str(folder)]
        subprocess.run(command, check=True)
        repository = Repository(folder)
        repository.git("config", "filter.lfs.clean", self.CLEAN)
        repository.git("config", "filter.lfs.required", "true")
        repository.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
        repository.write("[a] weights.bin", "weights" * 1000)
        repository.commit()
        assert "oid sha256" in repository.git("show", "HEAD:[a] weights.bin")
        (folder / "[a] weights.bin").touch()
        return repository

    def test_a_file_that_its_pointer_names_has_not_changed(self, kept: Repository) -> None:
        found = captured(kept.folder, diff=True)

        assert found.code
        assert (found.code.dirty, found.patch, found.notes) == (False, None, ())

    def test_a_file_that_differs_from_its_pointer_has(self, kept: Repository) -> None:
        kept.write("[a] weights.bin", "others!" * 1000)

        found = captured(kept.folder)

        assert found.code
        assert found.code.dirty is True

    def test_the_patch_leaves_out_what_has_not_changed(self, kept: Repository) -> None:
        kept.write("train.py", "changed\n")

        found = captured(kept.folder, diff=True)

        assert found.patch
        assert b"train.py" in found.patch
        assert b"weights.bin" not in found.patch

    def test_a_link_in_its_place_is_a_change(self, kept: Repository, tmp_path: Path) -> None:
        file = kept.folder / "[a] weights.bin"
        file.rename(tmp_path / "moved")
        file.symlink_to(tmp_path / "moved")

        found = captured(kept.folder)

        assert found.code
        assert found.code.dirty is True


def test_a_detached_head_has_no_branch(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--detach")

    found = captured(repository.folder)

    assert found.code
    assert (found.code.commit, found.code.branch) == (repository.head, None)


def test_a_repository_without_commits_says_so(tmp_path: Path) -> None:
    found = captured(Repository(tmp_path, commit=False).folder, diff=True)

    assert found.code
    assert (found.code.commit, found.code.branch, found.code.dirty) == (None, "main", None)
    assert found.notes == ("The repository has no commit yet.",)


def test_what_is_under_no_git_has_no_code(tmp_path: Path) -> None:
    assert captured(tmp_path) == CapturedCode()


def test_the_fallback_counts_only_where_the_model_has_no_repository(
    repository: Repository, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other")
    elsewhere = tmp_path / "models"
    elsewhere.mkdir()
    work = repository.write("src/x.py", "x").parent

    fallen = captured(elsewhere, fallback=work)
    own = captured(other.folder, fallback=work)

    assert fallen.code
    assert (fallen.code.commit, fallen.code.path) == (repository.head, "src")
    assert own.code
    assert own.code.path is None


def test_a_bare_repository_is_no_project(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare.git")], check=True)

    assert captured(tmp_path / "bare.git") == CapturedCode()


def test_a_bare_repository_called_git_is_said_to_be_bare(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / ".git")], check=True)

    assert captured(tmp_path).notes == ("The code is not known: the repository is bare.",)


def test_a_shallow_clone_knows_its_commit(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    address = f"file://{repository.folder}"
    repository.git("clone", "--quiet", "--depth", "1", address, str(tmp_path / "shallow"))

    found = captured(tmp_path / "shallow")

    assert found.code
    assert found.code.commit == repository.head
    assert found.code.repository is None
    assert "folder of this machine" in found.notes[0]


def test_a_linked_work_tree_has_its_own_branch(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))

    found = captured(tmp_path / "side")

    assert found.code
    assert (found.code.commit, found.code.branch) == (repository.head, "side")


def test_a_submodule_is_a_repository_of_its_own(repository: Repository, tmp_path: Path) -> None:
    part = Repository(tmp_path / "part")
    part_commit = part.commit()
    repository.git("submodule", "--quiet", "add", str(part.folder), "part")
    repository.commit()
    (repository.folder / "part" / "train.py").write_text("dirty inside\n")

    inside = captured(repository.folder / "part")
    outside = captured(repository.folder)

    assert inside.code
    assert (inside.code.commit, inside.code.dirty) == (part_commit, True)
    assert outside.code
    assert (outside.code.commit, outside.code.dirty) == (repository.head, False)
    assert outside.notes == ("Changes inside submodules were not looked for.",)


@pytest.mark.parametrize("damaged", ["HEAD", "config", "objects"])
def test_a_damaged_repository_gives_a_note(repository: Repository, damaged: str) -> None:
    path = repository.folder / ".git" / damaged
    shutil.rmtree(path) if path.is_dir() else path.write_text("[[[")

    found = captured(repository.folder, diff=True)

    assert found.code is None
    assert len(found.notes) == 1
    assert "/" not in found.notes[0]


def test_a_damaged_index_gives_a_note(repository: Repository) -> None:
    (repository.folder / ".git" / "index").write_bytes(b"none")

    assert captured(repository.folder).notes[0].startswith("The code is not known: ")


@pytest.mark.parametrize("pointer", ["gitdir: /nowhere", "gitdir: ", "", "\0", "x" * 10_000])
def test_a_git_file_that_leads_nowhere_gives_a_note(tmp_path: Path, pointer: str) -> None:
    (tmp_path / ".git").write_text(pointer)

    assert captured(tmp_path).notes == ("The code is not known: the folder's .git leads nowhere.",)


@pytest.mark.parametrize("link", [True, False])
def test_a_git_file_does_not_lead_into_a_strangers_repository(
    repository: Repository, tmp_path: Path, link: bool
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if link:
        (folder / ".git").symlink_to(repository.folder / ".git")
    else:
        (folder / ".git").write_text(f"gitdir: {repository.folder}/.git")

    found = captured(folder, diff=True)

    assert (found.code, found.patch) == (None, None)
    assert "another folder" in found.notes[0]


def test_a_git_file_does_not_pose_as_a_strangers_work_tree(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / ".git").write_text(f"gitdir: {repository.folder}/.git/worktrees/side")

    assert captured(folder, diff=True).patch is None


def test_a_git_folder_kept_apart_is_followed(tmp_path: Path) -> None:
    command = ["git", "init", "--quiet", "--separate-git-dir", str(tmp_path / "apart.git")]
    subprocess.run([*command, str(tmp_path / "work")], check=True)
    repository = Repository(tmp_path / "work")

    found = captured(repository.folder)

    assert found.code
    assert found.code.commit == repository.head


def test_the_files_of_another_folder_are_never_the_patch(
    repository: Repository, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "train.py").write_text("a secret\n")
    repository.git("config", "core.worktree", str(private))

    found = captured(repository.folder, diff=True)

    assert found.code
    assert (found.code.dirty, found.patch) == (False, None)


def test_variables_of_a_hook_do_not_lead_astray(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    other.write("train.py", "different\n")
    other_commit = other.commit()
    monkeypatch.setenv("GIT_DIR", str(repository.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository.folder / ".git" / "index"))

    found = captured(other.folder)

    assert found.code
    assert (found.code.commit, found.code.dirty) == (other_commit, False)


def test_a_folder_of_another_user_is_not_trusted(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr(asking, "_KEPT", asking._KEPT | {"GIT_TEST_ASSUME_DIFFERENT_OWNER"})

    found = captured(repository.folder)

    assert found.code is None
    assert "belongs to another user" in found.notes[0]


def test_a_machine_without_git_says_so(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/none:.")

    assert captured(repository.folder).notes == ("The code is not known: git is not installed.",)
    assert author(repository.folder, environment=environment()) is None


def test_a_git_in_the_repository_is_not_the_git(repository: Repository) -> None:
    program = repository.write("git", "#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    path = f".{os.pathsep}{os.environ['PATH']}"

    found = Git.find({"PATH": path})

    assert found
    assert Path(found.program).is_absolute()
    assert "." not in found.environment["PATH"].split(os.pathsep)


def test_a_git_that_hangs_is_given_up(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(asking, "PATIENCE", 0.2)

    found = captured(repository.folder)

    assert "did not answer" in found.notes[0]


def test_a_git_that_never_stops_talking_is_given_up(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec cat /dev/zero\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    found = captured(repository.folder)

    assert "larger than" in found.notes[0]


def test_two_questions_suffice_and_three_with_the_patch(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write("train.py", "changed\n")
    started: list[object] = []
    real = subprocess.Popen

    def counted(command: list[str], **options: object) -> object:
        started.append(command)
        return real(command, **options)  # type: ignore[call-overload]  # passed on as it came

    monkeypatch.setattr(subprocess, "Popen", counted)
    captured(repository.folder)
    captured(repository.folder, diff=True)

    assert len(started) == 2 + 3


def test_a_model_that_is_a_file_has_the_path_of_its_folder(repository: Repository) -> None:
    found = captured(repository.write("out/model.onnx", "w"))

    assert found.code
    assert found.code.path == "out"


class TestAuthor:
    def test_is_who_the_repository_names(self, repository: Repository) -> None:
        assert author(repository.folder, environment=environment()) == (
            "Ada Lovelace <ada@example.org>"
        )

    def test_is_who_the_user_says_outside_of_any_repository(
        self, tmp_path: Path, home: Path
    ) -> None:
        (home / ".gitconfig").write_text("[user]\nname = Grace <Hopper>\n")

        assert author(tmp_path, environment=environment()) == "Grace Hopper"

    def test_is_who_the_user_says_where_the_repository_misleads(
        self, tmp_path: Path, home: Path
    ) -> None:
        (home / ".gitconfig").write_text("[user]\nemail = grace@example.org\n")
        (tmp_path / ".git").write_text("gitdir: /nowhere")

        assert author(tmp_path, environment=environment()) == "grace@example.org"

    def test_is_nobody_where_nobody_is_named(self, tmp_path: Path) -> None:
        assert author(tmp_path, environment=environment()) is None

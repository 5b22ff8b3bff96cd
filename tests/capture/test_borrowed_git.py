"""A folder's ``.git`` that borrows from another repository tells nothing of that one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from capture.repositories import Repository, environment

from lading.capture import git as asking
from lading.capture.author import author
from lading.capture.code import CapturedCode, capture

OTHERS = "leads to the repository of another folder"


@pytest.fixture
def secret(tmp_path: Path) -> Repository:
    """The repository of somebody else, on the same machine."""
    repository = Repository(tmp_path / "secret")
    repository.write("train.py", "THE SECRET\n")
    repository.git("remote", "add", "origin", "https://example.org/secret.git")
    repository.commit()
    return repository


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder from anywhere."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "w.bin").write_text("w")
    return folder


def captured(folder: Path) -> CapturedCode:
    return capture(folder, environment=environment(), with_diff=True)


def springs(folder: Path) -> bool:
    """Whether plain git tells of the other repository there."""
    command = ["git", "diff", "HEAD"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return b"THE SECRET" in done.stdout


def demand_nothing(found: CapturedCode) -> None:
    assert (found.code, found.patch) == (None, None)
    assert OTHERS in found.notes[0]


def test_a_git_folder_does_not_share_another_repository(secret: Repository, model: Path) -> None:
    git_folder = model / ".git"
    git_folder.mkdir()
    (git_folder / "commondir").write_text(f"{secret.folder}/.git")
    (git_folder / "HEAD").write_text("ref: refs/heads/main")
    assert springs(model)

    demand_nothing(captured(model))


@pytest.mark.parametrize("back", [True, False])
def test_a_git_folder_apart_does_not_share_another_repository(
    secret: Repository, model: Path, back: bool
) -> None:
    apart = model / "worktrees" / "apart"
    apart.mkdir(parents=True)
    (model / ".git").write_text("gitdir: worktrees/apart")
    (apart / "commondir").write_text(f"{secret.folder}/.git")
    (apart / "HEAD").write_text("ref: refs/heads/main")
    if back:
        (apart / "gitdir").write_text(f"{model}/.git")
    assert springs(model)

    demand_nothing(captured(model))


def test_a_git_file_does_not_lead_into_a_bare_repository(secret: Repository, model: Path) -> None:
    bare = model.parent / "bare.git"
    secret.git("clone", "--quiet", "--bare", str(secret.folder), str(bare))
    (model / ".git").write_text(f"gitdir: {bare}")

    found = captured(model)

    assert (found.code, found.patch) == (None, None)
    assert found.notes == ("The code is not known: the repository is bare.",)


def test_a_git_file_does_not_lead_to_the_files_of_a_folder_kept_apart(model: Path) -> None:
    apart, work = model.parent / "apart.git", model.parent / "work"
    subprocess.run(["git", "init", "-q", "--separate-git-dir", str(apart), str(work)], check=True)
    repository = Repository(work)
    repository.write("train.py", "THE SECRET\n")
    repository.commit()
    (model / ".git").write_text(f"gitdir: {apart}")
    assert springs(model)

    found = captured(model)

    assert found.patch is None
    assert "files of another one" in found.notes[0]


def own(secret: Repository, model: Path) -> Path:
    """A git folder of the model's own that names a commit of the other repository."""
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(model)], check=True)
    (model / ".git" / "refs" / "heads" / "main").write_text(secret.head + "\n")
    shutil.copy(secret.folder / ".git" / "index", model / ".git" / "index")
    return model / ".git"


def test_the_objects_of_another_repository_are_never_the_patch(
    secret: Repository, model: Path
) -> None:
    git_folder = own(secret, model)
    (git_folder / "objects" / "info" / "alternates").write_text(f"{secret.folder}/.git/objects\n")
    assert springs(model)

    found = captured(model)

    assert found.patch is None
    assert "files of another one" in found.notes[0]


@pytest.mark.parametrize("name", ["objects", "objects/pack", "objects/ab/cd"])
def test_objects_that_are_links_are_never_the_patch(
    secret: Repository, model: Path, name: str
) -> None:
    secret.git("gc", "--quiet")
    git_folder = own(secret, model)
    link, target = git_folder / name, secret.folder / ".git" / name
    if name == "objects/ab/cd":
        shutil.copytree(target.parents[1], git_folder / "objects", dirs_exist_ok=True)
        link.parent.mkdir(exist_ok=True)
    else:
        shutil.rmtree(link)
    link.symlink_to(target)
    assert springs(model)

    found = captured(model)

    assert found.patch is None
    assert "files of another one" in found.notes[0]


@pytest.mark.parametrize("name", ["HEAD", "config", "refs", "index", "packed-refs"])
def test_a_link_out_of_the_git_folder_is_not_followed(
    secret: Repository, model: Path, name: str
) -> None:
    secret.git("pack-refs", "--all")
    git_folder = own(secret, model)
    path = git_folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(secret.folder / ".git" / name)

    demand_nothing(captured(model))


def test_a_head_that_is_a_link_to_a_branch_is_followed(secret: Repository) -> None:
    head = secret.folder / ".git" / "HEAD"
    head.unlink()
    head.symlink_to("refs/heads/main")

    found = captured(secret.folder)

    assert found.code
    assert found.code.commit == secret.head


@pytest.mark.parametrize("setting", ["include.path", "includeIf.gitdir:/**.path"])
def test_what_the_repository_includes_from_elsewhere_is_not_told(
    secret: Repository, model: Path, setting: str
) -> None:
    secret.git("config", "user.name", "Somebody Else")
    repository = Repository(model)
    repository.git("config", "--unset", "user.name")
    repository.git("config", setting, f"{secret.folder}/.git/config")
    assert "Somebody" in repository.git("config", "user.name")

    found = captured(model)

    assert found.code
    assert (found.code.repository, found.code.commit) == (None, repository.head)
    assert "Somebody" not in str(found.author) + str(author(model, environment=environment()))
    assert found.notes == ("Settings that the repository includes from other files do not count.",)


def test_what_the_user_includes_counts(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(model)
    repository.git("config", "--unset", "user.name")
    more = tmp_path / "more"
    more.write_text("[user]\n\tname = Grace Hopper\n")
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[include]\n\tpath = {more}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))

    found = captured(model)

    assert (found.author, found.notes) == ("Grace Hopper <ada@example.org>", ())


def test_a_linked_work_tree_has_a_patch_and_a_remote(secret: Repository, tmp_path: Path) -> None:
    secret.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "train.py").write_text("changed\n")

    found = captured(tmp_path / "side")

    assert found.code
    assert found.code.repository == "https://example.org/secret.git"
    assert found.patch
    assert b"+changed" in found.patch


def test_a_linked_work_tree_of_a_bare_repository_has_its_code(
    secret: Repository, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.git"
    secret.git("clone", "--quiet", "--bare", str(secret.folder), str(bare))
    command = ["git", "worktree", "add", "--quiet", str(tmp_path / "side"), "main"]
    subprocess.run(command, cwd=bare, check=True)

    found = captured(tmp_path / "side")

    assert found.code
    assert found.code.commit == secret.head


def test_a_submodule_has_a_patch(secret: Repository, tmp_path: Path) -> None:
    whole = Repository(tmp_path / "whole")
    whole.git("submodule", "--quiet", "add", str(secret.folder), "part")
    (whole.folder / "part" / "train.py").write_text("changed\n")

    found = captured(whole.folder / "part")

    assert found.patch
    assert b"+changed" in found.patch


@pytest.mark.parametrize("name", ["gitdir", "commondir", "HEAD", "config"])
def test_a_pipe_keeps_nobody_waiting(
    model: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = model / "gg"
    subprocess.run(["git", "init", "--quiet", "--bare", str(apart)], check=True)
    (model / ".git").write_text("gitdir: gg")
    (apart / name).unlink(missing_ok=True)
    os.mkfifo(apart / name)
    monkeypatch.setattr(asking.Git, "find", None)  # it is never asked

    found = captured(model)

    assert (found.code, len(found.notes)) == (None, 1)


def test_a_git_that_is_a_pipe_keeps_nobody_waiting(model: Path) -> None:
    os.mkfifo(model / ".git")

    found = captured(model)

    assert found.notes == ("The code is not known: the folder's .git leads nowhere.",)

"""Who acts is always said, in one line."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from lading.operations.lifecycle.actor import actor
from lading.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache")


def in_git(name: str, email: str, home: Path) -> None:
    (home / ".gitconfig").write_text(f"[user]\n\tname = {name}\n\temail = {email}\n")


def test_the_actor_of_the_settings_comes_first(settings: Settings, home: Path) -> None:
    in_git("Grace", "grace@example.com", home)
    said = replace(settings, actor="ci@example.com", author="Ada")

    assert actor(said) == "ci@example.com"
    assert actor(replace(said, actor=None)) == "Ada"


def test_git_names_who_the_settings_do_not(settings: Settings, home: Path) -> None:
    in_git("Grace", "grace@example.com", home)

    assert actor(settings) == "Grace <grace@example.com>"


def test_a_machine_without_git_s_word_names_its_user(settings: Settings) -> None:
    user = pwd.getpwuid(os.geteuid()).pw_name

    assert actor(settings) == f"{user}@{os.uname().nodename}"


def test_a_folder_that_is_gone_does_not_matter(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    assert "@" in actor(settings)


@options(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("a \n\r\t\0\u202e\u2028\ud800é"), max_size=600))
def test_whatever_is_claimed_the_actor_is_one_bounded_line(settings: Settings, text: str) -> None:
    # Not git: it is asked where nothing is claimed, and takes its time.
    name = actor(replace(settings, actor=text, author="Ada"))

    assert name.isprintable()
    assert 0 < len(name) <= 256
    assert name == name.strip()

"""Outputs of GitHub Actions: read back as the runner reads them, whatever the values hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lading.cli.github import hand_on
from lading.errors import InvalidInput, LocalFailure


def as_the_runner_reads(raw: bytes) -> dict[str, str]:
    """Lines end with \\n alone; ``name=value``, or ``name<<delimiter`` up to that line."""
    found: dict[str, str] = {}
    lines = raw.decode().split("\n")
    while lines:
        line = lines.pop(0)
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
        elif heredoc >= 0:
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            end = lines.index(delimiter)
            found[name], lines = "\n".join(lines[:end]), lines[end + 1 :]
        else:
            assert line == ""
    return found


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(path))
    return path


def test_outputs_are_appended_to_what_other_steps_wrote(file: Path) -> None:
    file.write_text("before=1\n")

    hand_on({"kind": "assigned", "version": "", "digest": "sha256:ab"})

    assert as_the_runner_reads(file.read_bytes()) == {
        "before": "1",
        "kind": "assigned",
        "version": "",
        "digest": "sha256:ab",
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(),
        st.sampled_from(
            ["a\nkind=evil", "a\nkind<<EOF\nevil\nEOF", "<<x", "lading_\n", "a\r\nkind=x", "\ud800"]
        ),
    )
)
def test_no_value_becomes_an_output_of_its_own(file: Path, value: str) -> None:
    file.unlink(missing_ok=True)

    hand_on({"version": value, "stage": "prod"})

    found = as_the_runner_reads(file.read_bytes())
    assert found == {"version": value.encode("utf-8", "replace").decode(), "stage": "prod"}


def test_elsewhere_there_is_nothing_to_write_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)

    with pytest.raises(InvalidInput, match="no GITHUB_OUTPUT"):
        hand_on({"kind": "assigned"})


def test_a_file_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path))

    with pytest.raises(LocalFailure, match="cannot write"):
        hand_on({"kind": "assigned"})

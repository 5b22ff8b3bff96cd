"""What a person declares: where it is looked for, what wins, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lading.errors import InvalidInput
from lading.operations.publishing.declared import declared


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model in it; the current folder."""
    folder = tmp_path / "project"
    (folder / "out" / "model").mkdir(parents=True)
    (folder / "out" / "model" / "model.bin").write_bytes(b"weights")
    monkeypatch.chdir(folder)
    return folder


def test_nothing_is_declared_where_nobody_says_anything(project: Path) -> None:
    told = declared(project / "out" / "model", {"tags": {}, "description": None})

    assert told.statement.given == {}
    assert told.file is None


def test_a_call_wins_over_the_file_and_leaves_the_rest(project: Path) -> None:
    model = project / "out" / "model"
    (model / "lading.yaml").write_text(
        "description: from the file\nlicense: MIT\ntags: {a: '1', b: '2'}\n"
        "metrics: {auc: 0.5, f1: 0.4}\n"
    )

    told = declared(model, {"description": "said", "tags": {"b": "3"}, "metrics": {"auc": 0.9}})

    identity = told.statement.identity
    assert (identity.description, identity.licenses) == ("said", ("MIT",))
    assert identity.tags == {"a": "1", "b": "3"}
    assert told.statement.given["metrics"] == [
        {"name": "auc", "value": 0.9},
        {"name": "f1", "value": 0.4},
    ]


@pytest.mark.parametrize("where", ["out/model", "out", "."])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lading.yaml", "description: found"),
        ("lading.yml", "description: found"),
        ("pyproject.toml", '[tool.lading]\ndescription = "found"'),
    ],
)
def test_a_file_is_found_beside_the_model_and_above_it(
    project: Path, where: str, name: str, text: str
) -> None:
    (project / where / name).write_text(text)

    told = declared(Path("out/model"), {})

    assert told.statement.identity.description == "found"
    assert told.file == project / where / name


def test_the_nearest_file_counts_alone(project: Path) -> None:
    (project / "lading.yaml").write_text("description: far\nlicense: MIT")
    (project / "out" / "lading.yaml").write_text("description: near")

    told = declared(project / "out" / "model" / "model.bin", {})

    assert told.statement.identity.description == "near"
    assert told.statement.identity.licenses == ()


def test_a_model_from_elsewhere_is_not_described_by_this_project(
    project: Path, tmp_path: Path
) -> None:
    (project / "lading.yaml").write_text("description: of this project")
    (tmp_path / "lading.yaml").write_text("description: of who knows what")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert declared(elsewhere, {}).file is None


def test_a_pyproject_without_the_table_is_passed_over(project: Path) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = 'x'")

    assert declared(project / "out", {}).file is None


def test_what_not_to_look_for_is_declared(project: Path) -> None:
    (project / "lading.yaml").write_text("capture: {environment: false, code: false}")

    assert declared(project, {}).without == {"environment", "code"}


def test_an_example_is_a_file_beside_the_declaration(project: Path) -> None:
    (project / "lading.yaml").write_text("input_example: data/one.json")

    assert declared(project / "out", {}).input_example == project / "data" / "one.json"


@pytest.mark.parametrize("name", ["../secret.json", "/etc/passwd", "link.json"])
def test_a_declaration_cannot_carry_off_a_file_from_elsewhere(project: Path, name: str) -> None:
    model = project / "out" / "model"
    (model / "link.json").symlink_to("/etc/hostname")
    (model / "lading.yaml").write_text(f"input_example: {name}")

    with pytest.raises(InvalidInput, match="may not leave its folder"):
        declared(model, {})


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("lading.yaml", "metrics: [", "is not YAML"),
        ("lading.yaml", "- a", "is no list of fields"),
        ("lading.yaml", "metric: {auc: 1}", "there is no field 'metric'"),
        ("pyproject.toml", "[tool", "is not TOML"),
        ("pyproject.toml", "tool.lading = 5", "is no table"),
        ("pyproject.toml", "[tool.lading]\nmetrics = {auc = 2026-01-01}", "cannot be written"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    project: Path, name: str, text: str, what: str
) -> None:
    (project / name).write_text(text)

    with pytest.raises(InvalidInput, match=what):
        declared(project, {})


def test_a_file_that_is_named_must_be_there(project: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no file"):
        declared(project, {}, file=project / "other.yaml")


def test_a_file_that_is_no_text_or_too_large_is_refused(project: Path) -> None:
    (project / "binary.yaml").write_bytes(b"\xff\xfe")
    (project / "large.yaml").write_text("a" * 1_100_000)

    for name, what in (("binary", "not UTF-8"), ("large", "larger than 1 MiB")):
        with pytest.raises(InvalidInput, match=what):
            declared(project, {}, file=project / f"{name}.yaml")


@pytest.mark.parametrize("name", ["lading.yaml", "pyproject.toml"])
def test_a_declaration_that_is_a_link_out_of_its_folder_is_refused(
    project: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("description: of somebody else")
    (project / "out" / "model" / name).symlink_to(tmp_path / name)

    with pytest.raises(InvalidInput, match="is a link out of its folder"):
        declared(project / "out" / "model", {})


def test_a_current_folder_that_was_deleted_is_no_hindrance(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    (project / "out" / "model" / "lading.yaml").write_text("description: found")

    assert declared(project / "out" / "model", {}).statement.identity.description == "found"

"""KServe is handed models as it asks for them: by digest, with nothing written beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from parts.registry import DockerRegistry

from lading.errors import InvalidInput, LocalFailure, NotFound
from lading.operations.push import push
from lading.operations.storage_initializer import storage_initializer
from lading.settings import Settings
from lading.spec.document import Document

Tree = dict[str, bytes | None]


@pytest.fixture
def home(registry: DockerRegistry, repository: str) -> str:
    return f"{registry.host}/{repository}"


def test_a_model_is_handed_over_whole_with_its_document(
    model: Path,
    home: str,
    settings: Settings,
    tmp_path: Path,
    tree: Callable[[Path], Tree],
) -> None:
    pushed = push(model, f"{home}:1.0.0", settings=settings)
    folder = tmp_path / "mnt" / "models"

    result = storage_initializer([(f"lading://{home}@{pushed.digest}", folder)], settings=settings)

    there = tree(folder)
    document = there.pop("lading.json")
    assert there == tree(model)
    assert document
    assert {file.path for file in Document.parse(document).files} == {
        name for name, content in there.items() if content is not None
    }
    (handed,) = result.models
    assert handed.digest == pushed.digest
    assert handed.path == str(folder)


def test_nothing_is_written_outside_the_folder(
    model: Path, home: str, settings: Settings, tmp_path: Path
) -> None:
    pushed = push(model, f"{home}:1.0.0", settings=settings)
    forbidden = replace(settings, home=Path("/proc/no"), cache=Path("/proc/no"))

    storage_initializer([(f"lading://{home}@{pushed.digest}", tmp_path / "m")], settings=forbidden)

    assert (tmp_path / "m/config.json").is_file()


def test_a_second_start_fetches_next_to_nothing_and_mends_what_was_damaged(
    model: Path,
    home: str,
    settings: Settings,
    tmp_path: Path,
    tree: Callable[[Path], Tree],
) -> None:
    pushed = push(model, f"{home}:1.0.0", settings=settings)
    asked = [(f"lading://{home}@{pushed.digest}", tmp_path / "m")]
    storage_initializer(asked, settings=settings)
    before = tree(tmp_path / "m")
    (tmp_path / "m/config.json").write_text("damaged")

    (again,) = storage_initializer(asked, settings=settings).models

    assert tree(tmp_path / "m") == before
    assert again.fetched < 1_000_000


def test_several_models_go_to_a_folder_each(
    model: Path, home: str, settings: Settings, tmp_path: Path
) -> None:
    first = push(model, f"{home}:1.0.0", settings=settings).digest
    (model / "config.json").write_text('{"hidden": 9}')
    second = push(model, f"{home}:1.1.0", settings=settings).digest

    storage_initializer(
        [
            (f"lading://{home}@{first}", tmp_path / "a"),
            (f"lading://{home}@{second}", tmp_path / "b"),
        ],
        settings=settings,
    )

    assert (tmp_path / "a/config.json").read_text() == '{"hidden": 8}'
    assert (tmp_path / "b/config.json").read_text() == '{"hidden": 9}'


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("lading://registry.example.com/ml/fraud:1.0.0", "no digest"),
        ("lading://registry.example.com/ml/fraud", "no digest"),
        (f"lading://ml/fraud@sha256:{'a' * 64}", "no registry"),
        (f"oci://registry.example.com/ml/fraud@sha256:{'a' * 64}", "not a model of Lading's"),
        ("lading://", "reference"),
    ],
)
def test_what_names_no_digest_in_a_registry_is_refused_before_anything_moves(
    source: str, said: str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=said):
        storage_initializer([(source, tmp_path / "m")], settings=settings)

    assert not (tmp_path / "m").exists()


def test_a_digest_that_is_gone_is_said(home: str, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        storage_initializer(
            [(f"lading://{home}@sha256:{'a' * 64}", tmp_path / "m")], settings=settings
        )


def test_a_folder_that_cannot_be_written_to_is_said(home: str, settings: Settings) -> None:
    with pytest.raises(LocalFailure, match="cannot write to"):
        storage_initializer([(f"lading://{home}@sha256:{'a' * 64}", "/proc/no")], settings=settings)


def test_the_folder_holds_the_model_and_nothing_else(
    home: str, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "text"
    folder.mkdir()
    (folder / "notes.txt").write_text("Nothing to run.")
    pushed = push(folder, f"{home}:1.0.0", settings=settings)
    handed = tmp_path / "m"

    storage_initializer([(f"lading://{home}@{pushed.digest}", handed)], settings=settings)

    assert Document.parse((handed / "lading.json").read_bytes()).name
    assert sorted(path.name for path in handed.iterdir()) == ["lading.json", "notes.txt"]

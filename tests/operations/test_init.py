"""``lading init``: a file that is right as it is, and right when its comments are taken away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import Conflict, InvalidInput
from lading.operations.init import init, written
from lading.operations.publishing.declared import declared
from lading.settings import Settings
from lading.spec.declaration import Declaration, declaration
from lading.spec.yaml_text import read_yaml

CARD = """---
license: apache-2.0
pipeline_tag: text-classification
base_model: ml/base
---
# A model
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")
    return folder


def test_what_is_found_is_filled_in(folder: Path, settings: Settings) -> None:
    (folder / "README.md").write_text(CARD)

    result = init(folder, settings=settings)

    told = declared(folder, {})
    assert {"licenses", "parents", "card"} <= set(result.filled)
    assert told.file == folder / "lading.yaml"
    assert told.statement.identity.licenses == ("Apache-2.0",)
    assert told.statement.given["lineage"]["parents"][0]["reference"] == "ml/base"  # type: ignore[index]


def test_an_empty_folder_gets_the_comments(tmp_path: Path, settings: Settings) -> None:
    result = init(tmp_path, settings=settings)

    assert result.filled == ()
    assert read_yaml(Path(result.path).read_text(), "it") is None


def test_every_comment_is_right_when_it_is_used() -> None:
    text = written({})
    used = re.sub(r"^# ([a-z_]+: )", r"\1", text, flags=re.MULTILINE)

    told = declaration(read_yaml(used, "it"), "it")

    fields = {name for name in Declaration.model_fields if getattr(told, name)}
    assert fields == Declaration.model_fields.keys() - {"framework", "code", "runs"}


def test_a_file_of_a_persons_own_stays(folder: Path, settings: Settings) -> None:
    (folder / "lading.yml").write_text("description: mine")

    with pytest.raises(Conflict, match=r"there is a lading\.yml"):
        init(folder, settings=settings)

    assert (folder / "lading.yml").read_text() == "description: mine"
    assert init(folder, force=True, settings=settings).path == str(folder / "lading.yml")
    assert sorted(path.name for path in folder.iterdir()) == ["lading.yml", "model.bin"]


def test_there_must_be_a_folder(folder: Path, settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="there is no folder"):
        init(folder / "model.bin", settings=settings)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "description": _TEXT,
            "authors": st.lists(_TEXT, min_size=1, max_size=3),
            "tags": st.dictionaries(_TEXT, _TEXT, max_size=3),
            "params": st.dictionaries(_TEXT, st.integers() | _TEXT | st.none(), max_size=3),
        },
    )
)
def test_any_text_comes_back_as_it_was(found: dict[str, object]) -> None:
    text = written(found)

    value = read_yaml(text, "it") or {}

    assert value == {name: part for name, part in found.items() if part}

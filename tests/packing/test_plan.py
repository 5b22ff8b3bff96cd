"""Which files become which layers, and how often they are read for it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from packing.trees import make, read, settle, trees
from parts.laws import tries

from lading.errors import InvalidInput, LocalFailure
from lading.packing.memory import DigestMemory
from lading.packing.plan import Plan, PlannedLayer, hash_layer, plan
from lading.packing.roles import LARGE, format_of, role_of
from lading.spec.digest import Digest


def make_large(folder: Path, sizes: dict[str, int]) -> None:
    """Files with holes: large, and soon made."""
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("wb") as file:
            file.write(name.encode())
            file.truncate(size)


def shape(planned: Plan) -> list[tuple[str, str, bool, list[str]]]:
    return [
        (layer.title, layer.role, layer.single, [member.path for member in layer.members])
        for layer in planned.layers
    ]


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


@contextmanager
def files_opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The files, not folders, that are opened meanwhile."""
    opened: list[str] = []
    real: Callable[..., int] = os.open

    def noting(path: object, flags: int, *rest: object, **named: object) -> int:
        if not flags & os.O_DIRECTORY and not str(path).endswith(".ladingignore"):
            opened.append(Path(str(path)).name)
        return real(path, flags, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", noting)
        yield opened


# Which layers


def test_large_files_stand_alone_and_small_ones_share_a_layer_for_each_role(
    tmp_path: Path,
) -> None:
    make_large(tmp_path, {"z.safetensors": LARGE, "a/b.bin": LARGE + 1, "c.bin": LARGE - 1})
    make(
        tmp_path,
        {
            "train.py": b"",
            "README.md": b"",
            "config.json": b"",
            "a/tokenizer.json": b"",
            "test.csv": b"",
        },
    )

    assert shape(plan(tmp_path, memory=None)) == [
        ("a/b.bin.tar", "weights", True, ["a/b.bin"]),
        ("z.safetensors.tar", "weights", True, ["z.safetensors"]),
        ("lading.weights.tar", "weights", False, ["c.bin"]),
        ("lading.config.tar", "config", False, ["a/tokenizer.json", "config.json"]),
        ("lading.code.tar", "code", False, ["train.py"]),
        ("lading.doc.tar", "doc", False, ["README.md"]),
        ("lading.dataset.tar", "dataset", False, ["test.csv"]),
    ]


def test_at_most_96_files_stand_alone_the_largest_of_them(tmp_path: Path) -> None:
    sizes = {f"{number:03}.bin": LARGE + number % 50 for number in range(110)}
    make_large(tmp_path, sizes)

    planned = plan(tmp_path, memory=None)

    expected = sorted(sorted(sizes, key=lambda name: (-sizes[name], name))[:96])
    assert [layer.members[0].path for layer in planned.layers if layer.single] == expected
    assert planned.layers[-1].title == "lading.weights.tar"
    assert len(planned.layers[-1].members) == 14


def test_empty_folders_travel_with_the_configuration(tmp_path: Path) -> None:
    make_large(tmp_path, {"model.bin": LARGE})
    make(tmp_path, {"a/x.py": b""}, ("empty/inner", "a/b"))

    planned = plan(tmp_path, memory=None)

    config = next(layer for layer in planned.layers if layer.role == "config")
    assert config.members == ()
    assert config.folders == ("a/b", "empty", "empty/inner")
    assert config.view.folders == (
        "models",
        "models/a",
        "models/a/b",
        "models/empty",
        "models/empty/inner",
    )


def test_titles_are_unique(tmp_path: Path) -> None:
    make_large(tmp_path, {"lading.config": LARGE, "_lading.config": LARGE})
    make(tmp_path, {"config.json": b"{}"})

    titles = [layer.title for layer in plan(tmp_path, memory=None).layers]

    assert titles == ["_lading.config.tar", "lading.config.tar", "__lading.config.tar"]


def test_a_tree_that_no_document_could_list_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.packing.plan.DOCUMENT_LIMIT", 1000)
    make(tmp_path, {str(number): b"" for number in range(5)})

    with pytest.raises(InvalidInput, match="holds too many files"):
        plan(tmp_path, memory=None)


@pytest.mark.parametrize(
    ("path", "role", "file_format"),
    [
        ("model-00001-of-00002.safetensors", "weights", "safetensors"),
        ("deep/Model.GGUF", "weights", "gguf"),
        ("pytorch_model.bin", "weights", "pytorch"),
        ("weights.bin", "weights", None),
        ("model.onnx", "weights", "onnx"),
        ("model.onnx_data", "weights", "onnx"),
        ("model.onnx.data", "weights", "onnx"),
        ("variables/variables.data-00000-of-00001", "weights", None),
        ("saved_model.pb", "weights", "tensorflow"),
        ("model.pkl", "weights", "pickle"),
        ("model.safetensors.index.json", "config", None),
        ("tokenizer.model", "config", None),
        ("spiece.model", "config", None),
        ("sentencepiece.bpe.model", "config", None),
        ("merges.txt", "config", None),
        ("chat_template.jinja", "config", None),
        ("LICENSE", "doc", None),
        ("LICENSE.txt", "doc", None),
        ("README", "doc", None),
        ("USE_POLICY.md", "doc", None),
        ("predict.py", "code", None),
        ("Dockerfile", "code", None),
        ("train.parquet", "dataset", "parquet"),
        ("eval.jsonl", "dataset", "jsonl"),
        ("unknown", "config", None),
        ("unknown.xyz", "config", None),
        (".gitattributes", "config", None),
    ],
)
def test_names_tell_what_files_are_for(path: str, role: str, file_format: str | None) -> None:
    assert role_of(path, 0) == role
    assert format_of(path) == file_format


def test_an_unknown_file_is_judged_by_its_size() -> None:
    assert role_of("blob", LARGE) == "weights"
    assert role_of("blob", LARGE - 1) == "config"


# What they hash to


@given(trees())
@tries(25)
def test_digests_are_those_of_the_bytes(tree: tuple[dict[str, bytes], tuple[str, ...]]) -> None:
    files, folders = tree
    with TemporaryDirectory() as name:
        files = {f"in/{path}": content for path, content in files.items()} | {"x.py": b"1"}
        planned = plan(make(Path(name), files, folders), memory=None).hashed()

        for layer in planned.layers:
            assert layer.digest == Digest.of(read(layer.view))
        assert {
            path: digest for layer in planned.layers for path, digest in layer.sha256.items()
        } == {
            member.path: sha256(files[member.path])
            for layer in planned.layers
            for member in layer.members
        }


def test_equal_folders_give_equal_digests(tmp_path: Path) -> None:
    files = {"b.py": b"22", "a.json": b"1", "deep/c.bin": bytes(70_000)}
    first = plan(make(tmp_path / "first", files, ("e",)), memory=None).hashed()
    settle()
    other = make(tmp_path / "other", dict(reversed(files.items())), ("e",))
    for place in other.rglob("*"):
        place.chmod(0o700)
        os.utime(place, (1, 1))

    second = plan(other, memory=None).hashed()

    assert [layer.digest for layer in first.layers] == [layer.digest for layer in second.layers]


def test_a_large_file_is_known_by_its_layer_unless_more_is_asked_for(tmp_path: Path) -> None:
    make_large(tmp_path, {"model.bin": LARGE})
    expected = sha256((tmp_path / "model.bin").read_bytes())

    (usual,) = plan(tmp_path, memory=None).hashed().layers
    (asked,) = plan(tmp_path, memory=None, file_hashes=True).hashed().layers

    assert usual.sha256 == {}
    assert asked.sha256 == {"model.bin": expected}
    assert usual.digest == asked.digest == Digest.of(read(usual.view))


def test_hashing_tells_how_far_it_is(tmp_path: Path) -> None:
    make_large(tmp_path, {"a.bin": LARGE, "b.bin": LARGE})
    make(tmp_path, {"c.json": b"{}"})
    counts: list[int] = []

    planned = plan(tmp_path, memory=None).hashed(on_bytes=counts.append)

    assert sum(counts) == sum(layer.view.size for layer in planned.layers)
    assert len(counts) > len(planned.layers)


def test_planning_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"a.bin": b"1", "b.json": b"2"})

    with files_opened(monkeypatch) as opened:
        plan(tmp_path, memory=None)

    assert opened == []


def test_a_file_that_changed_since_the_plan_is_detected(tmp_path: Path) -> None:
    make_large(tmp_path, {"a.bin": LARGE, "b.bin": LARGE, "c.bin": LARGE})
    planned = plan(tmp_path, memory=None)
    settle()
    (tmp_path / "b.bin").write_bytes(b"other")

    with pytest.raises(LocalFailure, match=r"b\.bin changed while it was read"):
        planned.hashed(jobs=2)


# What is remembered


@pytest.fixture
def memory(tmp_path: Path) -> DigestMemory:
    return DigestMemory(tmp_path / "cache" / "digests.sqlite")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of one large and three small files that have rested for a moment."""
    folder = tmp_path / "model"
    make_large(folder, {"model.safetensors": LARGE})
    make(folder, {"config.json": b"{}", "tokenizer.json": b"[]", "predict.py": b"pass"})
    settle()
    return folder


def test_an_unchanged_folder_is_not_read_again(
    folder: Path, memory: DigestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plan(folder, memory=memory).hashed()

    with files_opened(monkeypatch) as opened:
        second = plan(folder, memory=memory)
        again = second.hashed()

    assert opened == []
    assert again is second
    assert again.layers == first.layers
    assert [layer.sha256 for layer in again.layers] == [layer.sha256 for layer in first.layers]


def test_only_what_changed_is_read_again(
    folder: Path, memory: DigestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(folder, memory=memory).hashed()
    make(folder, {"tokenizer.json": b"[1]"})

    with files_opened(monkeypatch) as opened:
        changed = plan(folder, memory=memory).hashed()

    assert sorted(opened) == ["config.json", "tokenizer.json"]
    (config,) = (layer for layer in changed.layers if layer.role == "config")
    assert config.digest == Digest.of(read(config.view))
    assert config.sha256 == {"config.json": sha256(b"{}"), "tokenizer.json": sha256(b"[1]")}


def test_a_digest_that_was_found_elsewhere_is_remembered(
    folder: Path, memory: DigestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(folder, memory=memory)
    (large,) = (layer for layer in planned.layers if layer.single)
    found = Digest.of(read(large.view))

    known = planned.with_digest(large, found)
    with files_opened(monkeypatch) as opened:
        known.hashed()
        later = plan(folder, memory=memory)

    assert large.digest is None
    assert "model.safetensors" not in opened
    assert [layer.digest for layer in later.layers if layer.single] == [found]


def test_many_digests_are_told_to_one_plan_after_another(folder: Path) -> None:
    make_large(folder, {"second.bin": LARGE})
    planned = plan(folder, memory=None)
    singles = [layer for layer in planned.layers if layer.single]

    known = planned
    for layer in singles:
        known = known.with_digest(layer, Digest.of(layer.title.encode()))

    assert [layer.digest for layer in known.layers if layer.single] == [
        Digest.of(layer.title.encode()) for layer in singles
    ]


def test_hashes_of_large_files_are_remembered_too(
    folder: Path, memory: DigestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(folder, memory=memory).hashed()
    asked = plan(folder, memory=memory, file_hashes=True)
    complete = asked.hashed()

    with files_opened(monkeypatch) as opened:
        again = plan(folder, memory=memory, file_hashes=True).hashed()

    assert not all(layer.is_hashed(file_hashes=True) for layer in asked.layers)
    assert opened == []
    assert [layer.sha256 for layer in again.layers] == [layer.sha256 for layer in complete.layers]


def test_a_file_that_was_just_written_is_not_remembered(
    folder: Path, memory: DigestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(folder, {"config.json": b"{1}"})
    written = (folder / "config.json").stat().st_ctime_ns
    monkeypatch.setattr(time, "time_ns", lambda: written + 5_000_000)
    plan(folder, memory=memory).hashed()

    known = {layer.title: layer for layer in plan(folder, memory=memory).layers}

    assert known["lading.config.tar"].digest is None
    assert "config.json" not in known["lading.config.tar"].sha256


def test_a_rename_within_a_bundle_is_another_layer(folder: Path, memory: DigestMemory) -> None:
    plan(folder, memory=memory).hashed()
    (folder / "config.json").rename(folder / "other.json")

    changed = plan(folder, memory=memory)

    (config,) = (layer for layer in changed.layers if layer.role == "config")
    assert config.digest is None


def test_one_layer_can_be_hashed_by_itself(folder: Path, memory: DigestMemory) -> None:
    (layer,) = (x for x in plan(folder, memory=None).layers if x.role == "code")

    hashed: PlannedLayer = hash_layer(layer, memory)

    assert hashed.digest == Digest.of(read(layer.view))
    assert hashed.sha256 == {"predict.py": sha256(b"pass")}
    assert hashed.is_hashed()
    assert not layer.is_hashed()

"""A folder's files fold into one account of the model."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from formats.models import CARD, keras_archive, library, safetensors_bytes, torch_archive

from lading.formats.survey import Survey, survey


def of(folder: Path, **options: int) -> Survey:
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    return survey({path.relative_to(folder).as_posix(): path for path in paths}, **options)


def shard(dtype: str, *lengths: int, metadata: dict[str, str] | None = None) -> bytes:
    size = {"F32": 4, "F16": 2, "BF16": 2}[dtype]
    tensors: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for number, length in enumerate(lengths):
        places = [end, end + size * length]
        tensors[f"t{number}"] = {"dtype": dtype, "shape": [length], "data_offsets": places}
        end += size * length
    return safetensors_bytes(tensors, bytes(end))


def put(folder: Path, files: dict[str, bytes | str | object]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "torch_dtype": "float16",
    "transformers_version": "4.50.0",
    "max_position_embeddings": 512,
}


def test_shards_add_up_and_most_parameters_set_the_precision(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "config.json": CONFIG,
            "model-00001-of-00002.safetensors": shard("BF16", 100, 20),
            "model-00002-of-00002.safetensors": shard("F32", 30),
            "model.safetensors.index.json": {"weight_map": {}},
        },
    )

    found = of(tmp_path)

    assert found.facts.parameters == 150
    assert found.facts.dtypes == {"bfloat16": 120, "float32": 30}
    assert found.facts.precision == "bfloat16"
    assert found.facts.architecture == "BertModel"
    assert found.facts.context_length == 512
    assert (found.framework, found.framework_version) == ("transformers", "4.50.0")
    assert len(found.facts.files) == 3


def test_the_same_weights_in_another_format_do_not_count_again(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"model.safetensors": shard("F32", 7, 4), "pytorch_model.bin": torch_archive()},
    )

    found = of(tmp_path)

    assert found.facts.parameters == 11
    assert found.framework == "pytorch"


def test_equally_many_parameters_in_one_folder_are_taken_for_a_copy(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "model.safetensors": shard("F32", 50),
            "model.fp16.safetensors": shard("F16", 50),
            "text_encoder/model.safetensors": shard("F32", 50),
            "vae/model.safetensors": shard("F32", 5),
        },
    )

    found = of(tmp_path)

    assert found.facts.parameters == 105
    assert "copy" in found.facts.notes[0]


def test_without_weights_the_configuration_tells_the_precision(tmp_path: Path) -> None:
    put(tmp_path, {"config.json": CONFIG})

    found = of(tmp_path)

    assert found.facts.precision == "float16"
    assert found.facts.parameters is None


def test_a_card_tells_what_it_says(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": CARD, "docs/README.md": "---\nlicense: mit\n---\n"})

    found = of(tmp_path)

    assert found.card is not None
    assert (found.card.path, found.card.task) == ("README.md", "text-classification")
    assert found.languages == found.card.languages == ("en", "de")
    assert found.licenses == ("Apache-2.0",)
    assert found.framework == "transformers"
    assert found.description == "It tells good from bad, in two languages."
    assert found.tags == {"fine": "true", "region": "us"}
    assert [(p.reference, p.relation) for p in found.parents] == [("acme/base", "finetuned")]
    assert [dataset.name for dataset in found.datasets] == ["glue"]
    assert [(m.name, m.value, m.dataset, m.split) for m in found.metrics] == [
        ("accuracy", 0.91, "GLUE", "validation"),
        ("f1", 0.9, "GLUE", "validation"),
    ]
    assert not found.facts.notes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mit", ("MIT",)),
        ("[apache-2.0, cc-by-nc-4.0]", ("Apache-2.0", "CC-BY-NC-4.0")),
        ("llama3.1", ("LicenseRef-llama3.1",)),
        ("other\nlicense_name: my own (free)", ("LicenseRef-my-own-free",)),
        ("other", ()),
        ("7", ()),
    ],
)
def test_licenses_are_said_as_spdx_says_them(
    tmp_path: Path, name: str, expected: tuple[str, ...]
) -> None:
    put(tmp_path, {"README.md": f"---\nlicense: {name}\n---\n"})

    assert of(tmp_path).licenses == expected


@pytest.mark.parametrize(
    "front", ["a: [", "- a", "a: *b", "a: !!python/object:os.system x", "1: 2", "a: " + "[" * 99]
)
def test_a_card_that_cannot_be_read_leaves_a_note(tmp_path: Path, front: str) -> None:
    put(tmp_path, {"README.md": f"---\n{front}\n---\nIt is fine.\n"})

    found = of(tmp_path)

    assert found.card is not None
    assert found.description == "It is fine."
    assert "front matter" in found.facts.notes[0]


@pytest.mark.parametrize(
    "front",
    [
        "model-index: x",
        "model-index: [1, {results: 2}, {results: [3, {metrics: 4}]}]",
        "model-index: [{results: [{metrics: [{type: f1, value: .nan}]}]}]",
        "model-index: [{results: [{metrics: [{type: [f1], value: 1}]}]}]",
        "model-index: [{results: [{metrics: [{type: f1, value: 1e999}]}]}]",
        "license: {a: b}\nlanguage: 1\ntags: {a: b}\nbase_model: [{}]\ndatasets: 3",
    ],
)
def test_a_card_with_values_of_other_kinds_is_survived(tmp_path: Path, front: str) -> None:
    put(tmp_path, {"README.md": f"---\n{front}\n---\n"})

    found = of(tmp_path)

    assert (found.metrics, found.licenses, found.parents) == ((), (), ())


def test_a_card_with_the_lines_of_windows_is_read_too(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": CARD.replace("\n", "\r\n").encode()})

    found = of(tmp_path)

    assert found.licenses == ("Apache-2.0",)
    assert found.description == "It tells good from bad, in two languages."


def test_a_card_whose_front_matter_does_not_end_leaves_a_note(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": "---\nlicense: mit\n\nwords\n"})

    found = of(tmp_path)

    assert (found.licenses, found.description) == ((), None)
    assert "no end" in found.facts.notes[0]


def test_a_readme_without_front_matter_still_describes(tmp_path: Path) -> None:
    put(tmp_path, {"ReadMe.md": "# Title\n\nIt says\nwhat it is.\n"})

    found = of(tmp_path)

    assert found.card is not None
    assert found.card.as_json() == {"path": "ReadMe.md"}
    assert found.description == "It says what it is."


def test_norwegian_is_a_language_in_yaml_too(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": "---\nlanguage: [en, no]\n---\n"})

    assert of(tmp_path).languages == ("en", "no")


def test_an_adapter_names_its_parent_once(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "acme/base"},
            "README.md": "---\nbase_model: acme/base\n---\n",
        },
    )

    found = of(tmp_path)

    assert [(p.reference, p.relation) for p in found.parents] == [("acme/base", "adapter")]
    assert found.framework == "peft"


def test_one_signature_is_taken_and_different_ones_are_noted(
    tmp_path: Path, models: dict[str, Path]
) -> None:
    onnx = models["model.onnx"]

    one = survey({"a.onnx": onnx, "copy/a.onnx": onnx})
    two = survey({"a.onnx": onnx, "saved_model.pb": models["saved_model.pb"]})

    assert one.signature is not None
    assert two.signature is None
    assert "different signatures" in two.facts.notes[0]


def test_modules_of_every_pickle_are_gathered(models: dict[str, Path]) -> None:
    found = survey({name: models[name] for name in ("forest.joblib", "state.pt")})

    assert {"sklearn", "joblib", "numpy", "torch"} <= found.modules
    assert found.framework == "scikit-learn"
    assert found.framework_version == library("sklearn").__version__


def test_a_file_that_vanished_or_cannot_be_read_is_a_note(tmp_path: Path) -> None:
    put(tmp_path, {"model.keras": keras_archive()})
    (tmp_path / "folder.pt").mkdir()

    found = survey(
        {
            "gone.safetensors": tmp_path / "gone.safetensors",
            "folder.pt": tmp_path / "folder.pt",
            "README.md": tmp_path / "README.md",
            "model.keras": tmp_path / "model.keras",
        }
    )

    assert found.framework == "keras"
    assert len(found.facts.notes) == 3
    assert all("cannot be read" in note for note in found.facts.notes)


def test_a_folder_of_nothing_known_tells_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"data.csv": "a,b\n", "run.py": "print()", "notes.json": {"a": 1}})

    assert of(tmp_path) == Survey(facts=of(tmp_path).facts)
    assert of(tmp_path).facts.as_json() == {}


def test_no_more_files_are_looked_at_than_the_budget_allows(tmp_path: Path) -> None:
    put(tmp_path, {f"{number:03}.json": {"a": 1} for number in range(30)})
    put(tmp_path, {"z/config.json": CONFIG, "y.keras": keras_archive()})

    found = of(tmp_path, budget=2)

    # Those that tell most come first, whatever their names sort like.
    assert [facts.path for facts in found.facts.files] == ["y.keras", "z/config.json"]
    assert "Only 2 of 32" in found.facts.notes[0]


def hub_folder(folder: Path) -> Path:
    """A folder as the Hub has them: a thousand files, half of which may tell something."""
    files: dict[str, bytes | str | object] = {"config.json": CONFIG, "README.md": CARD}
    for number in range(100):
        name = f"model-{number:05}-of-00100.safetensors"
        files[name] = shard("BF16", *[5] * 50)
    files |= {f"step/{number}.json": {"step": number} for number in range(300)}
    files |= {f"images/{number}.png": b"\x89PNG" for number in range(598)}
    return put(folder, files)


def quickest(folder: Path) -> float:
    """Milliseconds that a survey takes when nothing else goes on."""
    times = []
    for _ in range(7):
        started = time.perf_counter()
        of(folder)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def test_a_folder_of_a_thousand_files_is_surveyed_at_once(tmp_path: Path) -> None:
    folder = hub_folder(tmp_path)

    assert of(folder).facts.parameters == 100 * 50 * 5
    # 60 ms on two cores; shared machines are slower.
    assert quickest(folder) < 600


def test_a_small_folder_is_surveyed_at_once(tmp_path: Path, models: dict[str, Path]) -> None:
    names = ["plain.pkl", "config.json", "tokenizer_config.json", "README.md", "rows.npy"]
    put(tmp_path, {name: models[name].read_bytes() for name in names})
    put(tmp_path, {"metrics.json": {"auc": 0.9}})

    assert of(tmp_path).framework_version
    # 7 ms on two cores; shared machines are slower.
    assert quickest(tmp_path) < 75

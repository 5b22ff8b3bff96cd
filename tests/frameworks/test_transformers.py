"""Hugging Face: tiny models with random weights, made here, never from the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks.bait import Bait, pickled
from frameworks.fresh import loaded

from lading.errors import InvalidInput, LadingError, PolicyRefused
from lading.frameworks.adapter import LoadOptions, SaveOptions
from lading.frameworks.registry import adapter_for
from lading.frameworks.sentence_transformers import MODULES_FILE, SentenceTransformers
from lading.frameworks.transformers import CONFIG_FILE, Transformers

pytestmark = pytest.mark.slow

ADAPTER = Transformers()
TEXTS = ["a loan", "a house for a loan"]
OFFLINE = {"HF_HUB_OFFLINE": "1"}
SIZES = {
    "vocab_size": 8,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "a", "loan", "house"])}
    raw = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]")


def bert() -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    return BertForSequenceClassification(BertConfig(**SIZES)).eval()


def predicted(model: object, data: object) -> Any:
    return ADAPTER.predict(model, data)


def test_a_pipeline_answers_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    from transformers import pipeline

    model = pipeline("text-classification", model=bert(), tokenizer=tokenizer())

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    assert adapter_for(model).name == "transformers"
    assert saved.how["task"] == "text-classification"
    assert saved.params["hidden_size"] == 8
    assert (tmp_path / "model.safetensors").exists()
    answer = loaded("transformers", tmp_path, saved, TEXTS, environment=OFFLINE)
    assert answer["class"] == "TextClassificationPipeline"
    for there, here in zip(answer["answer"], predicted(model, TEXTS), strict=True):
        assert there["label"] == here["label"]
        assert there["score"] == pytest.approx(here["score"])


def test_a_model_and_its_tokenizer_come_back_together(tmp_path: Path) -> None:
    model = (bert(), tokenizer())

    saved = ADAPTER.save(model, tmp_path, SaveOptions())

    back: Any = ADAPTER.load(tmp_path, saved.how, LoadOptions(device="cpu"))
    assert [type(part) for part in back] == [type(part) for part in model]
    assert np.allclose(predicted(back, TEXTS), predicted(model, TEXTS))


def test_a_folder_that_others_wrote_says_itself_what_it_is(tmp_path: Path) -> None:
    model = bert()
    model.save_pretrained(tmp_path)

    back: Any = ADAPTER.load(tmp_path, {}, LoadOptions())

    given = {"input_ids": np.array([[2, 3]])}
    assert type(back) is type(model)
    assert np.allclose(predicted(back, given), predicted(model, given))


def test_weights_in_pickles_are_not_read(tmp_path: Path) -> None:
    import torch

    marker = tmp_path / "marker"
    bert().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(Bait(marker), tmp_path / "pytorch_model.bin")

    with pytest.raises(LadingError):
        ADAPTER.load(tmp_path, {}, LoadOptions())

    assert not marker.exists()


def test_code_in_the_folder_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    saved = ADAPTER.save((bert(), tokenizer()), tmp_path, SaveOptions())
    (tmp_path / "modeling_evil.py").write_text(
        f"open({str(marker)!r}, 'w').close()\nclass E: ...\n"
    )
    classes = {"AutoModel": "modeling_evil.E", "AutoConfig": "modeling_evil.E"}
    for name in (CONFIG_FILE, "tokenizer_config.json"):
        config = json.loads((tmp_path / name).read_text())
        config["auto_map"] = {**classes, "AutoTokenizer": ["modeling_evil.E", "modeling_evil.E"]}
        (tmp_path / name).write_text(json.dumps(config))

    ADAPTER.load(tmp_path, saved.how, LoadOptions())

    assert not marker.exists()


@pytest.mark.parametrize("name", ["attn_implementation", "_attn_implementation_internal"])
def test_kernels_are_not_fetched(tmp_path: Path, name: str) -> None:
    bert().save_pretrained(tmp_path)
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    config[name] = "kernels-community/flash-attn"
    (tmp_path / CONFIG_FILE).write_text(json.dumps(config))

    with pytest.raises(PolicyRefused, match="code from the network"):
        ADAPTER.load(tmp_path, {}, LoadOptions(allow_pickle=True))


@pytest.mark.parametrize(
    "name", ["os", "NoSuchModel", "utils", "BertModel.x", "is_torch_available"]
)
def test_a_document_cannot_choose_any_name_of_transformers(tmp_path: Path, name: str) -> None:
    bert().save_pretrained(tmp_path)

    with pytest.raises(InvalidInput, match="has no class"):
        ADAPTER.load(tmp_path, {"model": name}, LoadOptions())


def test_a_class_of_the_callers_is_given_by_the_caller(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    class Own(BertForSequenceClassification):  # type: ignore[misc]
        pass

    saved = ADAPTER.save(Own(BertConfig(**SIZES)), tmp_path, SaveOptions())

    assert "Own" in saved.notes[0]
    with pytest.raises(InvalidInput, match="has no class 'Own'"):
        ADAPTER.load(tmp_path, saved.how, LoadOptions())
    assert type(ADAPTER.load(tmp_path, saved.how, LoadOptions(into=Own))) is Own


def test_a_model_is_not_saved_with_anything(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"together with a builtins\.object"):
        ADAPTER.save((bert(), object()), tmp_path, SaveOptions())


def sentences(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as models
    from transformers import BertConfig, BertModel

    BertModel(BertConfig(**SIZES)).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    parts = [models.Transformer(str(folder)), models.Pooling(8), models.Dense(8, 4)]
    return SentenceTransformer(modules=parts, device="cpu")


def test_sentences_are_embedded_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    model = sentences(tmp_path / "base")
    folder = tmp_path / "model"
    folder.mkdir()

    saved = SentenceTransformers().save(model, folder, SaveOptions())

    assert adapter_for(model).name == "sentence_transformers"
    expected: Any = SentenceTransformers().predict(model, TEXTS)
    answer = loaded(
        "sentence_transformers", folder, saved, TEXTS, environment=OFFLINE, device="cpu"
    )
    assert answer["class"] == "SentenceTransformer"
    assert np.allclose(answer["answer"], expected, atol=1e-6)


def test_modules_of_others_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "evil_module.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass E: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "evil_module.E"}]
    (tmp_path / MODULES_FILE).write_text(json.dumps(modules))

    with pytest.raises(PolicyRefused, match="not of sentence-transformers"):
        SentenceTransformers().load(tmp_path, {}, LoadOptions(device="cpu"))

    assert not marker.exists()


def test_pickles_among_the_modules_are_not_read(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense" / "pytorch_model.bin").write_bytes(pickled(marker))

    with pytest.raises(PolicyRefused, match="may be pickles"):
        SentenceTransformers().load(tmp_path, {}, LoadOptions(device="cpu"))

    assert not marker.exists()

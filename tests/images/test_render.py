"""Dockerfiles, filled in: what is in them, and that no document writes instructions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.capture.lock.locked import Locked, Package
from lading.errors import InvalidInput
from lading.images.packages import divide
from lading.images.recipe import DEFAULT_BASE, Identity, Recipe, recipe, template_for
from lading.images.render import TEMPLATES, quoted, render, template
from lading.spec.document import Document
from lading.spec.tags import TARGETS, Target

ROOT = Path(__file__).parents[2] / "Dockerfiles"
DIGEST = "sha256:" + "a" * 64
KEYWORDS = {
    *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"),
    *("USER", "WORKDIR", "VOLUME"),
}


def document(**fields: object) -> Document:
    file = {"path": "m.bin", "size": 1, "role": "weights", "layer": DIGEST}
    return Document.parse(json.dumps({"schema_version": 1, "files": [file], **fields}).encode())


def made(text: str = "ml/x", **fields: object) -> Recipe:
    division = divide(Locked((Package("a", "1"),)), (), python="3.11")
    identity = Identity(f"ml/x:1.0.0{text}", DIGEST, text, "1.0.0")
    return recipe(document(**fields), identity, division)


def instructions(dockerfile: str) -> list[str]:
    """The instructions, as a builder reads them: comments away, lines joined."""
    lines = [line for line in dockerfile.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n", "", "\n".join(lines))
    return [line.split(" ")[0] for line in joined.splitlines() if line.strip()]


@given(st.text(max_size=200), st.sampled_from(TARGETS))
def test_what_a_document_says_is_never_an_instruction(text: str, target: Target) -> None:
    plain = render(made(), (target,))

    filled = render(made(text or "x"), (target,))

    assert instructions(filled) == instructions(plain)
    assert set(instructions(filled)) <= KEYWORDS


@given(st.text(max_size=300))
def test_a_quoted_text_is_one_word_and_no_variable(text: str) -> None:
    word = quoted(text)

    inside = re.sub(r"\\.", "", word[1:-1])
    assert word[0] == word[-1] == '"'
    assert not set(inside) & {'"', "$", "\\", "\n", "\r"}
    assert word.isprintable()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_a_dockerfile_as_it_stands(name: str) -> None:
    text = template(name)

    assert set(instructions(text)) <= KEYWORDS
    assert {path.name.partition(".")[0] for path in ROOT.iterdir()} == set(TEMPLATES)


def test_the_templates_of_models_differ_in_what_frameworks_need_alone() -> None:
    def shared(name: str) -> list[str]:
        words = ("OMP_", "HF_", "NVIDIA_", "TF_")
        lines = template(name).splitlines()[1:]
        kept = [line for line in lines if not line.startswith("ENV ") or "PATH" in line]
        own = [line for line in lines if any(line.startswith(f"ENV {word}") for word in words)]
        return [line for line in kept if line not in own and not line.startswith("# ")]

    plain = shared("python")

    assert all(shared(name) == plain for name in TEMPLATES if name != "client")


def test_only_the_stages_that_were_asked_for_are_there() -> None:
    serve, train = render(made(), ("serve",)), render(made(), ("train",))

    assert "AS train" not in serve
    assert "AS serve" not in train
    assert "AS base" not in serve + train
    assert "# lading:" not in serve + train


def test_serve_says_whose_it_is_and_runs_as_nobody() -> None:
    text = render(made(), ("serve",))

    assert f'dev.lading.digest="{DIGEST}"' in text
    assert f'ENV LADING_MODEL_DIGEST="{DIGEST}"' in text
    assert text.index("USER 65532:65532") < text.index('"loads", "/models"')
    assert text.count("USER") == 1
    assert 'CMD ["serve", "/models"' in text
    assert "HEALTHCHECK" in text


def test_runtime_is_serve_without_the_model() -> None:
    runtime, serve = render(made(), ("runtime",)), render(made(), ("serve",))

    assert "COPY model/" not in runtime
    assert "LADING_MODEL_DIGEST" not in runtime
    assert runtime.rstrip("\n") in serve
    assert serve[len(runtime) :].lstrip().startswith("# serve: that, and the model.")
    assert 'CMD ["serve", "/models"' in runtime
    assert 'dev.lading.target="runtime"' in runtime


def test_versions_with_one_lock_name_it_alike() -> None:
    def lock(*pins: str, python: str = "3.12.4") -> str | None:
        said = {"python": {"version": python}, "requirements": list(pins)}
        return made(environment=said).labels("runtime", "b:1").get("dev.lading.lock")

    assert lock("a==1", "b==2") == lock("b==2", "a==1", python="3.12.9")
    assert len({lock("a==1", "b==2"), lock("a==1"), lock("a==1", python="3.13.1")}) == 3
    assert "dev.lading.lock" not in made().labels("serve", "b:1")


def test_no_registry_of_packages_is_named_in_a_template() -> None:
    text = "".join(template(name) for name in TEMPLATES)

    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)


def test_a_base_is_the_callers_then_the_setting_then_the_documents() -> None:
    fields = {
        "environment": {"python": {"version": "3.12.4"}, "images": {"base": "b:1", "serve": "s:1"}}
    }
    division = divide(Locked((Package("a", "1"),)), (), python="3.12")
    identity = Identity("ml/x:1.0.0", DIGEST, "ml/x", "1.0.0")

    def base(**given: Any) -> str:
        return recipe(document(**fields), identity, division, **given).bases["serve"]

    assert base(base="own:{python}", base_setting="set:1") == "own:3.12"
    assert base(base_setting="set:1") == "set:1"
    assert base() == "s:1"
    assert made().bases["base"] == DEFAULT_BASE.replace("{python}", "3.13")


@pytest.mark.parametrize(
    "fields",
    [
        {"environment": {"system": ["ffmpeg; rm -rf /"]}},
        {"environment": {"system": ["$(id)"]}},
        {"environment": {"images": {"base": "a b"}}},
        {"environment": {"images": {"base": "x\nRUN id"}}},
        {"environment": {"python": {"version": "3.11 AS x"}}},
    ],
)
def test_names_that_are_no_names_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        made(**fields)


@pytest.mark.parametrize(
    ("framework", "pins", "expected"),
    [
        ("scikit-learn", ["scikit-learn==1.9"], "python"),
        ("onnx", ["onnxruntime==1.31"], "onnx"),
        ("pytorch", ["torch==2.13.0+cpu"], "pytorch-cpu"),
        ("pytorch", ["torch==2.13.0+cu126"], "pytorch-cuda"),
        ("transformers", ["nvidia-cublas-cu12==12.4", "torch==2.13.0"], "pytorch-cuda"),
        ("keras", ["keras==3.11", "tensorflow==2.20"], "tensorflow"),
        ("keras", ["keras==3.11", "torch==2.13.0"], "pytorch-cpu"),
        ("keras", ["jax==0.7", "keras==3.11"], "python"),
        ("tensorflow", ["tensorflow==2.20"], "tensorflow"),
    ],
)
def test_a_framework_has_its_template(framework: str, pins: list[str], expected: str) -> None:
    said = document(framework={"name": framework}, environment={"requirements": pins})

    assert template_for(said) == expected


def test_system_packages_are_installed_where_their_lists_do_not_stay() -> None:
    text = render(made(environment={"system": ["ffmpeg", "libgomp1"]}), ("base",))

    assert "apt-get install --yes --no-install-recommends ffmpeg libgomp1" in text
    assert "rm -rf /var/lib/apt/lists/*" in text

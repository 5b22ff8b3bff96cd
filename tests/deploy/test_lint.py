"""What no document may say."""

from __future__ import annotations

from typing import Any

import pytest
from deploy.given import FACTS, MODEL, PINS, PLACE, SERVER, wish

from lading.deploy import kinds
from lading.deploy.lint import lint
from lading.spec.digest import Digest

HEX = "a" * 64


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"image": f"{PLACE}:1.2.0"}, "not named by digest"),
        ({"image": PLACE}, "not named by digest"),
        ({"image": f"{PLACE}:1.2.0@sha256:{HEX}"}, "tag as well"),
        ({"image": f"ml/fraud@sha256:{HEX}"}, "which registry"),
        ({"image": f"{PLACE}@sha256:{HEX[:-1]}"}, "HOST/NAME@DIGEST"),
        ({"image": ""}, "HOST/NAME@DIGEST"),
        ({"volumes": [{"image": {"reference": f"{PLACE}:prod"}}]}, "not named by digest"),
        ({"storageUri": f"oci+native://{PLACE}:prod"}, "not named by digest"),
        ({"args": ["pull", f"{PLACE}:prod"]}, "not named by digest"),
        ({"args": [f"--model={PLACE}:prod@sha256:{HEX}"]}, "tag as well"),
        ({"args": [f"pull {PLACE}@sha256:{HEX[:9]} now"]}, "HOST/NAME@DIGEST"),
    ],
)
def test_what_is_not_named_by_digest_is_found(document: dict[str, Any], says: str) -> None:
    (problem,) = lint([document])

    assert says in problem


@pytest.mark.parametrize(
    "document",
    [
        {"image": SERVER},
        {"storageUri": f"oci+native://{SERVER}"},
        {"storageUri": f"lading://{SERVER}"},
        {"url": "http://127.0.0.1:8080/v2/health/ready"},
        {"ports": ["8080:8080", "127.0.0.1:8080:8080"], "volumes": ["./models:/models:ro"]},
    ],
)
def test_what_is_right_is_left_alone(document: dict[str, Any]) -> None:
    assert lint([document]) == ()


@pytest.mark.parametrize("text", [f"{PLACE}@{MODEL}", str(MODEL), MODEL.hex, f"see {MODEL.hex}!"])
def test_a_model_s_own_manifest_is_found_wherever_it_stands(text: str) -> None:
    (problem,) = lint([{"kind": "Pod", "metadata": {"annotations": {"x": text}}}], {MODEL})

    assert "empty folder" in problem
    assert problem.startswith("Pod.metadata.annotations.x: ")


def test_a_document_that_would_mount_the_model_s_manifest_is_found() -> None:
    made = kinds.resources(PINS, FACTS, wish())

    assert lint(made, {Digest.of(b"other")}) == ()
    assert lint(made, {MODEL})

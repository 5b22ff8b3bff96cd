"""Words for evidence, and which types are kept for something else."""

from __future__ import annotations

import pytest

from lading.errors import InvalidInput
from lading.spec.evidence import artifact_type, media_type, word_of
from lading.spec.mediatypes import IMAGE_INDEX


@pytest.mark.parametrize("word", ["evaluation", "scan", "sbom", "model-card", "fairness2"])
def test_a_word_and_its_type_say_each_other(word: str) -> None:
    assert word_of(artifact_type(word)) == word


@pytest.mark.parametrize("kind", ["application/spdx+json", "application/vnd.example.report"])
def test_a_type_of_somebody_else_s_is_itself(kind: str) -> None:
    assert artifact_type(kind) == word_of(kind) == kind


@pytest.mark.parametrize(
    "kind",
    ["", "Evaluation", "a b", "event", "application/vnd.lading.event.v1+json", IMAGE_INDEX],
)  # fmt: skip
def test_what_is_kept_for_something_else_is_no_evidence(kind: str) -> None:
    with pytest.raises(InvalidInput):
        artifact_type(kind)


@pytest.mark.parametrize("kind", ["", "text", "text/plain; charset=utf-8", IMAGE_INDEX, "a/b\n"])
def test_some_media_types_no_file_may_have(kind: str) -> None:
    with pytest.raises(InvalidInput):
        media_type(kind)

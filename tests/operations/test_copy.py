"""A copy never changes a digest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from parts.registry import DockerRegistry

from lading.errors import Conflict, InvalidInput, NotFound
from lading.operations import stores
from lading.operations.copy import copy
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference

Tree = dict[str, bytes | None]


def test_between_any_two_places_the_digest_stays(  # noqa: PLR0917  fixtures
    model: Path,
    place: str,
    registry: DockerRegistry,
    settings: Settings,
    tmp_path: Path,
    tree: Callable[[Path], Tree],
) -> None:
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    stops = [
        "ml/copied",
        f"oci:{tmp_path / 'copied'}",
        f"{registry.host}/copied-{pushed.digest[7:15]}",
        "ml/back",
    ]

    source = place
    for stop in stops:
        result = copy(f"{source}:1.0.0", f"{stop}:1.0.0", settings=settings)
        assert result.copied[0].digest == pushed.digest
        source = stop

    pull("ml/back:1.0.0", tmp_path / "out", settings=settings)
    assert tree(tmp_path / "out") == tree(model)


def test_within_one_registry_no_byte_moves(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    push(model, f"{registry.host}/mounted/from:1.0.0", settings=settings)
    registry.forget_requests()

    result = copy(
        f"{registry.host}/mounted/from:1.0.0",
        f"{registry.host}/mounted/to:1.0.0",
        settings=settings,
    )

    assert result.mounted > 9_000_000
    assert not [r for r in registry.requests() if r.method == "GET" and "/blobs/" in r.path]


def test_a_second_copy_moves_nothing(model: Path, place: str, settings: Settings) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    copy(f"{place}:1.0.0", "ml/second:1.0.0", settings=settings)

    again = copy(f"{place}:1.0.0", "ml/second:1.0.0", settings=settings)

    assert again.present > 9_000_000


def test_a_version_that_exists_with_other_content_is_not_replaced(
    model: Path, settings: Settings
) -> None:
    push(model, "ml/one:1.0.0", settings=settings)
    (model / "config.json").write_text("{}")
    push(model, "ml/two:1.0.0", settings=settings)

    with pytest.raises(Conflict):
        copy("ml/one:1.0.0", "ml/two:1.0.0", settings=settings)


def test_all_takes_every_version_and_every_tag(
    model: Path, place: str, registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    first = push(model, f"{place}:1.0.0", settings=settings)
    second = push(model, f"{place}:1.1.0", settings=settings)
    promote(f"{place}:1.0.0", "prod", settings=settings)

    target = f"oci:{tmp_path / 'all'}"
    copy(place, target, all_versions=True, settings=settings)

    digests = {
        name: inspect(f"{target}:{name}", settings=settings).digest
        for name in ("1.0.0", "1.1.0", "prod", "latest")
    }
    assert digests == {
        "1.0.0": first.digest, "1.1.0": second.digest, "prod": first.digest,
        "latest": second.digest,
    }  # fmt: skip


def test_evidence_comes_along_when_asked(
    model: Path, place: str, registry: DockerRegistry, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    evidence = _attach(place, settings)
    target = f"{registry.host}/evidence-{evidence.digest[7:15]}"

    copy(f"{place}:1.0.0", f"{target}:1.0.0", referrers=True, settings=settings)

    store = stores.open_store(Reference.parse(target), settings)
    found = [referrer.digest for referrer in store.referrers(store.resolve("1.0.0"))]
    assert found == [evidence.digest]


def _attach(place: str, settings: Settings) -> Descriptor:
    store = stores.open_store(Reference.parse(place), settings)
    raw = b'{"auc":0.9}'
    config = Descriptor.of(raw, "application/vnd.example.evaluation+json")
    store.push(config, BytesContent(raw))
    manifest = Manifest.build(
        config,
        (config,),
        artifact_type="application/vnd.example.evaluation",
        subject=store.resolve("1.0.0"),
    )
    store.push(manifest.descriptor, BytesContent(manifest.raw))
    return manifest.descriptor


def test_all_with_a_tag_is_refused(settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        copy("ml/one:1.0.0", "ml/two", all_versions=True, settings=settings)


def test_a_missing_source_is_not_found(settings: Settings) -> None:
    with pytest.raises(NotFound):
        copy("ml/nothing:1.0.0", "ml/two:1.0.0", settings=settings)


def test_a_model_that_is_copied_without_a_tag_arrives_under_its_version(
    model: Path, tmp_path: Path, settings: Settings
) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)
    there = f"oci:{tmp_path / 'there'}"

    (copied,) = copy("ml/fraud", there, settings=settings).copied

    assert copied.tag == "1.0.0"
    assert [v.version for v in list_versions(there, settings=settings).versions] == ["1.0.0"]

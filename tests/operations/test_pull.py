"""A pull gives the files back, byte for byte, and nothing half-written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parts.registry import DockerRegistry
from parts.skopeo import Skopeo

from lading.cache import Cache
from lading.errors import Conflict, IntegrityError, InvalidInput, NotFound, Unavailable
from lading.operations import stores
from lading.operations.copy import copy
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.tag import tag
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.document import Document
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference

Tree = dict[str, bytes | None]


def test_a_pull_into_a_folder_gives_the_same_tree(
    model: Path, place: str, settings: Settings, tmp_path: Path, tree: Callable[[Path], Tree]
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)

    result = pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)

    assert tree(tmp_path / "out") == tree(model)
    assert result.status == "pulled"
    assert result.files == 6


def test_a_pull_into_the_cache_gives_a_read_only_folder(
    model: Path, place: str, settings: Settings, tree: Callable[[Path], Tree]
) -> None:
    pushed = push(model, f"{place}:1.0.0", settings=settings)

    result = pull(f"{place}:1.0.0", settings=settings)

    folder = Path(result.path)
    assert tree(folder) == tree(model)
    assert result.digest == pushed.digest
    assert all(
        not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_nothing_is_pruned_between_the_last_layer_and_the_snapshot(
    model: Path, place: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    make = Cache.make_snapshot

    def prune_first(cache: Cache, *given: Any, **more: Any) -> Path:
        with pytest.raises(Unavailable, match="in use"):
            cache.prune(everything=True)
        return make(cache, *given, **more)

    monkeypatch.setattr(Cache, "make_snapshot", prune_first)

    assert pull(f"{place}:1.0.0", settings=settings).files == 6


def test_by_version_by_tag_by_latest_and_by_digest_come_the_same_files(
    model: Path, place: str, settings: Settings
) -> None:
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    tag(f"{place}:1.0.0", "candidate", settings=settings)

    names = [
        f"{place}:1.0.0",
        f"{place}:candidate",
        f"{place}:latest",
        place,
        f"{place}@{pushed.digest}",
    ]
    paths = {pull(name, settings=settings).path for name in names}

    assert len(paths) == 1


def test_a_second_pull_by_name_asks_once_and_by_digest_never(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{registry.host}/twice"
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    pull(f"{place}:1.0.0", settings=settings)
    registry.forget_requests()

    by_name = pull(f"{place}:1.0.0", settings=settings)
    requests_by_name = len(registry.requests())
    by_digest = pull(f"{place}@{pushed.digest}", settings=settings)

    assert (by_name.status, by_digest.status) == ("cached", "cached")
    assert requests_by_name == 1
    assert len(registry.requests()) == 1


def test_a_digest_still_pulls_after_its_tag_is_gone(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    pushed = push(model, "ml/fraud:1.0.0", settings=settings)
    store = stores.open_store(Reference.parse("ml/fraud"), settings)
    store.untag("1.0.0")
    store.untag("latest")

    result = pull(f"ml/fraud@{pushed.digest}", tmp_path / "out", settings=settings)

    assert result.files == 6


def test_only_selected_files_are_fetched(
    model: Path,
    registry: DockerRegistry,
    settings: Settings,
    tmp_path: Path,
    tree: Callable[[Path], Tree],
) -> None:
    place = f"{registry.host}/selected"
    push(model, f"{place}:1.0.0", settings=settings)

    result = pull(
        f"{place}:1.0.0",
        tmp_path / "out",
        include=["*.json", "nested"],
        exclude=["*.bin"],
        settings=settings,
    )

    files = {path for path, content in tree(tmp_path / "out").items() if content is not None}
    assert files == {"config.json", "nested/deeper/train.py"}
    assert result.fetched < 1_000_000


def test_a_selection_in_the_cache_is_a_snapshot_of_its_own(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)

    part = pull(f"{place}:1.0.0", include=["*.json"], settings=settings)
    whole = pull(f"{place}:1.0.0", settings=settings)

    assert part.path != whole.path
    assert (part.files, whole.files) == (1, 6)


def test_a_selection_of_nothing_says_so(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", settings=settings)

    with pytest.raises(NotFound, match="no file"):
        pull("ml/fraud:1.0.0", include=["*.nothing"], settings=settings)


def test_a_different_file_is_not_overwritten_without_force(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text("mine")

    with pytest.raises(Conflict) as caught:
        pull(f"{place}:1.0.0", out, settings=settings)

    assert "--force" in (caught.value.hint or "")
    assert "config.json" in str(caught.value)
    assert [path.name for path in out.iterdir() if path.name != ".lading-pull"] == ["config.json"]
    pull(f"{place}:1.0.0", out, force=True, settings=settings)
    assert (out / "config.json").read_text() == '{"hidden": 8}'


def test_a_second_pull_into_the_same_folder_fetches_nothing(
    model: Path, registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    place = f"{registry.host}/again"
    push(model, f"{place}:1.0.0", settings=settings)
    pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)

    again = pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)

    assert again.fetched == 0


def test_a_file_that_was_lost_is_fetched_again(
    model: Path, place: str, settings: Settings, tmp_path: Path, tree: Callable[[Path], Tree]
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)
    (tmp_path / "out" / "config.json").unlink()

    pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)

    assert tree(tmp_path / "out") == tree(model)


def test_offline_uses_what_is_here(
    model: Path,
    registry: DockerRegistry,
    settings: Settings,
    tmp_path: Path,
    tree: Callable[[Path], Tree],
) -> None:
    place = f"{registry.host}/offline"
    push(model, f"{place}:1.0.0", settings=settings)
    pull(f"{place}:1.0.0", settings=settings)
    registry.forget_requests()

    result = pull(f"{place}:1.0.0", offline=True, settings=settings)
    pull(f"{place}:1.0.0", tmp_path / "out", offline=True, settings=settings)

    assert result.status == "cached"
    assert tree(tmp_path / "out") == tree(model)
    assert registry.requests() == []


def test_offline_without_the_model_says_what_to_do(
    registry: DockerRegistry, settings: Settings
) -> None:
    with pytest.raises(NotFound) as caught:
        pull(f"{registry.host}/never:1.0.0", offline=True, settings=settings)

    assert "--offline" in (caught.value.hint or "")


def test_from_the_cache_into_a_folder_an_edit_does_not_reach_the_cache(
    model: Path, registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    place = f"{registry.host}/edited"
    push(model, f"{place}:1.0.0", settings=settings)
    cached = Path(pull(f"{place}:1.0.0", settings=settings).path)

    result = pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)
    (tmp_path / "out" / "weights.safetensors").write_bytes(b"edited")

    assert result.fetched == 0
    assert (cached / "weights.safetensors").read_bytes() == (
        model / "weights.safetensors"
    ).read_bytes()


def test_with_link_the_files_are_the_caches_own(
    model: Path, registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    place = f"{registry.host}/linked"
    push(model, f"{place}:1.0.0", settings=settings)
    cached = Path(pull(f"{place}:1.0.0", settings=settings).path)

    pull(f"{place}:1.0.0", tmp_path / "out", link=True, settings=settings)

    assert (tmp_path / "out" / "weights.safetensors").samefile(cached / "weights.safetensors")


def test_where_nobody_set_latest_the_highest_release_is_meant(
    model: Path, place: str, settings: Settings
) -> None:
    first = push(model, f"{place}:1.0.0", settings=settings)
    stores.open_store(Reference.parse(place), settings).untag("latest")

    assert pull(f"{place}:latest", settings=settings).digest == first.digest


def test_a_layout_with_one_thing_in_it_needs_no_name(
    model: Path, settings: Settings, tmp_path: Path, skopeo: Skopeo
) -> None:
    pushed = push(model, f"oci:{tmp_path / 'ours'}:1.0.0", settings=settings)
    skopeo.run(
        "copy",
        "--all",
        "--preserve-digests",
        f"oci:{tmp_path / 'ours'}:1.0.0",
        f"oci:{tmp_path / 'theirs'}",
    )

    assert pull(f"oci:{tmp_path / 'theirs'}", settings=settings).digest == pushed.digest


def test_a_missing_version_is_not_found(place: str, settings: Settings) -> None:
    with pytest.raises(NotFound):
        pull(f"{place}:9.9.9", settings=settings)


def test_a_name_that_is_not_on_this_machine_says_where_it_looked(settings: Settings) -> None:
    with pytest.raises(NotFound, match="on this machine") as caught:
        pull("ml/nothing", settings=settings)

    assert "lading list" in (caught.value.hint or "")


def test_what_is_no_model_is_named(settings: Settings) -> None:
    store = stores.open_store(Reference.parse("ml/chart"), settings, create=True)
    raw = b"{}"
    config = Descriptor.of(raw, "application/vnd.cncf.helm.config.v1+json")
    store.push(config, BytesContent(raw))
    chart = Manifest.build(config, ())
    store.push(chart.descriptor, BytesContent(chart.raw), "1.0.0")

    with pytest.raises(InvalidInput, match="Helm chart"):
        pull("ml/chart:1.0.0", settings=settings)


def test_a_damaged_blob_is_refused_and_leaves_no_file(
    model: Path, registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    place = f"{registry.host}/damaged"
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    layer = next(layer for layer in pushed.layers if "safetensors" in layer.title)
    blob = registry.blob_file(layer.digest)
    data = bytearray(blob.read_bytes())
    data[4_000_000] ^= 1
    blob.write_bytes(data)

    with pytest.raises(IntegrityError):
        pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)

    assert [path.name for path in (tmp_path / "out").iterdir()] in ([], [".lading-pull"])


def test_a_truncated_blob_is_refused(
    model: Path, registry: DockerRegistry, settings: Settings, tmp_path: Path
) -> None:
    place = f"{registry.host}/truncated"
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    layer = next(layer for layer in pushed.layers if "safetensors" in layer.title)
    os.truncate(registry.blob_file(layer.digest), 1000)

    with pytest.raises(IntegrityError):
        pull(f"{place}:1.0.0", tmp_path / "out", settings=settings)


def test_a_default_registry_gives_short_names_a_place(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    settings = replace(settings, registry=f"{registry.host}/team")

    result = push(model, "fraud:1.0.0", settings=settings)

    assert result.reference == f"{registry.host}/team/fraud:1.0.0"
    assert pull("fraud", settings=settings).digest == result.digest


def test_a_layout_that_was_copied_is_pulled_by_digest_alone(
    model: Path, settings: Settings, tmp_path: Path, tree: Callable[[Path], Tree]
) -> None:
    pushed = push(model, "ml/fraud:1.0.0", settings=settings)
    copy("ml/fraud:1.0.0", f"oci:{tmp_path / 'layout'}:1.0.0", settings=settings)

    pull(f"oci:{tmp_path / 'layout'}@{pushed.digest}", tmp_path / "out", settings=settings)

    assert tree(tmp_path / "out") == tree(model)


def test_with_its_document_a_folder_is_what_an_image_of_the_model_holds(
    model: Path, place: str, settings: Settings, tmp_path: Path, tree: Callable[[Path], Tree]
) -> None:
    pushed = push(model, f"{place}:1.0.0", settings=settings)
    out = tmp_path / "out"

    pull(f"{place}@{pushed.digest}", out, document=True, settings=settings)
    first = tree(out)
    again = pull(f"{place}@{pushed.digest}", out, document=True, force=True, settings=settings)

    document = first.pop("lading.json")
    assert document
    assert Document.parse(document).files
    assert first == tree(model)
    # Only what is not told apart from others' files is fetched again.
    assert again.fetched < 100_000
    assert tree(out) == first | {"lading.json": document}


def test_a_document_is_written_only_where_all_its_files_are(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)

    for into, include in ((None, ()), (tmp_path / "out", ("*.json",))):
        with pytest.raises(InvalidInput, match="document"):
            pull(f"{place}:1.0.0", into, include=include, document=True, settings=settings)
    assert not (tmp_path / "out").exists()

"""An image beside its version: listed with it, kept with it, gone with it, copied with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from operations.tied import tie

from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.attach import attach
from lading.operations.copy import copy
from lading.operations.evidence import evidence
from lading.operations.gc import gc
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.promote import promote
from lading.operations.pull import pull
from lading.operations.push import push
from lading.operations.remove import remove
from lading.operations.tag import tag
from lading.settings import Settings
from lading.spec.digest import Digest
from lading.spec.reference import Reference
from lading.transfer import survey


@pytest.fixture
def versions(model: Path, place: str, settings: Settings) -> str:
    """Two versions, the older with an image to serve it."""
    for version in ("1.0.0", "1.1.0"):
        (model / "config.json").write_text(version)
        push(model, f"{place}:{version}", settings=settings)
    return place


def named(place: str, settings: Settings, name: str) -> Digest | None:
    try:
        return stores.open_store(Reference.parse(place), settings).resolve(name).digest
    except NotFound:
        return None


def is_whole(place: str, settings: Settings, digest: Digest) -> bool:
    """Whether an image is there with everything below it."""
    store = stores.open_store(Reference.parse(place), settings)
    try:
        found = survey(store, store.resolve(digest))
    except NotFound:
        return False
    return all(store.exists(leaf) for leaf in found.leaves)


def test_the_evidence_says_which_image_it_is(versions: str, settings: Settings) -> None:
    image = tie(f"{versions}:1.0.0", settings)

    (said,) = evidence(f"{versions}:1.0.0", settings=settings).evidence

    assert (said.type, said.content["target"]) == ("image", "serve")
    assert said.content["image"]["digest"] == image
    assert inspect(f"{versions}:1.0.0", settings=settings).evidence == (said,)


def test_the_same_image_is_said_once_whoever_makes_it(versions: str, settings: Settings) -> None:
    for actor in ("ada", "bob"):
        tie(f"{versions}:1.0.0", replace(settings, actor=actor))

    assert len(evidence(f"{versions}:1.0.0", settings=settings).evidence) == 1


def test_an_image_is_listed_with_its_version(versions: str, settings: Settings) -> None:
    tie(f"{versions}:1.0.0", settings)
    tie(f"{versions}:1.0.0", settings, target="base")

    found = list_versions(versions, settings=settings)

    assert [(v.version, v.images) for v in found.versions] == [
        ("1.1.0", ()),
        ("1.0.0", ("base", "serve")),
    ]
    assert all("serve-1.0.0" not in version.tags for version in found.versions)


def test_an_image_s_tag_is_no_version_and_nobody_sets_it(
    versions: str, settings: Settings, tmp_path: Path
) -> None:
    tie(f"{versions}:1.1.0", settings)

    with pytest.raises(InvalidInput, match="keeps for itself"):
        tag(f"{versions}:1.0.0", "serve-1.0.0", settings=settings)
    with pytest.raises(InvalidInput, match="not a model"):
        pull(f"{versions}:serve-1.1.0", tmp_path / "out", settings=settings)
    file = tmp_path / "image.json"
    file.write_text("{}")
    with pytest.raises(InvalidInput, match="by hand"):
        attach(f"{versions}:1.0.0", file, type="image", settings=settings)
    assert pull(versions, settings=settings).digest == named(versions, settings, "1.1.0")


def test_gc_keeps_the_images_of_versions_that_stay(versions: str, settings: Settings) -> None:
    before = tie(f"{versions}:1.0.0", settings, says="before")
    image = tie(f"{versions}:1.0.0", settings, says="now")

    done = gc(versions, grace="0s", delete=True, settings=settings)

    assert done.leftovers == ()
    assert named(versions, settings, "serve-1.0.0") == image
    for digest in (before, image):
        assert is_whole(versions, settings, digest)


def test_gc_removes_the_images_of_versions_that_go(versions: str, settings: Settings) -> None:
    gone, kept = tie(f"{versions}:1.0.0", settings), tie(f"{versions}:1.1.0", settings, says="new")

    done = gc(versions, keep_last=0, grace="0s", delete=True, settings=settings)

    assert [(v.version, v.status) for v in done.versions] == [
        ("1.0.0", "removed"),
        ("1.1.0", "stays"),
    ]
    assert named(versions, settings, "serve-1.0.0") is None
    assert named(versions, settings, "serve-1.1.0") == kept
    assert is_whole(versions, settings, kept)
    if "/" in versions and not versions.startswith(("oci:", "ml/")):
        assert not is_whole(versions, settings, gone)
    assert gc(versions, keep_last=0, grace="0s", settings=settings).leftovers == ()


def test_an_image_without_its_version_is_left_over(versions: str, settings: Settings) -> None:
    tie(f"{versions}:1.0.0", settings)
    stores.open_store(Reference.parse(versions), settings).untag("1.0.0")

    planned = gc(versions, grace="0s", settings=settings)

    assert ("image", "serve-1.0.0") in [(left.kind, left.tag) for left in planned.leftovers]


def test_a_version_is_removed_with_its_images(versions: str, settings: Settings) -> None:
    tie(f"{versions}:1.0.0", settings)
    kept = tie(f"{versions}:1.1.0", settings)

    removed = remove(f"{versions}:1.0.0", settings=settings).removed

    assert "serve-1.0.0" in removed
    assert named(versions, settings, "serve-1.0.0") is None
    # The very same image was made for both; the other one still has it.
    assert is_whole(versions, settings, kept)


def test_what_only_has_an_image_s_tag_is_not_deleted(versions: str, settings: Settings) -> None:
    store = stores.open_store(Reference.parse(versions), settings)
    event = next(name for name in store.names() if name.startswith("evt."))
    descriptor = store.resolve(event)
    from lading.spec.content import BytesContent
    from lading.transfer import read

    store.push(descriptor, BytesContent(read(store, descriptor)), "serve-1.0.0")

    remove(f"{versions}:1.0.0", settings=settings)

    assert named(versions, settings, event) == descriptor.digest
    assert named(versions, settings, "serve-1.0.0") is None


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    return f"oci:{tmp_path / 'elsewhere'}"


def test_images_go_along_with_the_evidence(
    versions: str, settings: Settings, elsewhere: str
) -> None:
    before = tie(f"{versions}:1.0.0", settings, says="before")
    image = tie(f"{versions}:1.0.0", settings, says="now")

    alone = copy(f"{versions}:1.0.0", f"{elsewhere}-alone", settings=settings)
    done = copy(f"{versions}:1.0.0", elsewhere, referrers=True, settings=settings)

    assert [each.tag for each in alone.copied] == ["1.0.0"]
    assert {(each.tag, each.digest) for each in done.copied} >= {
        ("serve-1.0.0", image),
        (None, before),
    }
    assert named(elsewhere, settings, "serve-1.0.0") == image
    assert is_whole(elsewhere, settings, image)
    assert is_whole(elsewhere, settings, before)
    assert len(evidence(f"{elsewhere}:1.0.0", settings=settings).evidence) == 2


def test_a_copy_leaves_the_image_that_was_made_there(
    versions: str, settings: Settings, elsewhere: str
) -> None:
    image = tie(f"{versions}:1.0.0", settings, says="here")
    copy(f"{versions}:1.0.0", elsewhere, settings=settings)
    there = tie(f"{elsewhere}:1.0.0", settings, says="there")

    copy(f"{versions}:1.0.0", elsewhere, referrers=True, settings=settings)

    assert named(elsewhere, settings, "serve-1.0.0") == there
    assert is_whole(elsewhere, settings, image)


def test_images_go_along_with_the_repository(
    versions: str, settings: Settings, elsewhere: str
) -> None:
    image = tie(f"{versions}:1.0.0", settings)

    copy(versions, elsewhere, all_versions=True, settings=settings)

    assert named(elsewhere, settings, "serve-1.0.0") == image
    assert is_whole(elsewhere, settings, image)
    assert [v.images for v in list_versions(elsewhere, settings=settings).versions] == [
        (),
        ("serve",),
    ]


def test_images_go_along_into_another_repository(
    versions: str, settings: Settings, elsewhere: str
) -> None:
    image = tie(f"{versions}:1.0.0", settings)

    promote(f"{versions}:1.0.0", "prod", to=elsewhere, settings=settings)

    assert named(elsewhere, settings, "serve-1.0.0") == image
    assert is_whole(elsewhere, settings, image)

"""Which file of which layer goes where; nothing is moved here."""

from __future__ import annotations

import pytest

from lading.errors import IntegrityError
from lading.packing.unpack.frame import Contents, File
from lading.packing.unpack.placement import Layer, Layout, Placement, arrange


def bundle(key: str, *files: tuple[str, int], folders: tuple[str, ...] = ()) -> Layer:
    return Layer(key, Contents(tuple(File(path, size) for path, size in files), folders))


def test_files_come_in_order_without_the_prefix_and_the_document() -> None:
    layers = [
        bundle("1", ("models/z", 1), ("models/lading.json", 2), folders=("models", "models/d")),
        bundle("2", ("models/a/b", 3), ("outside", 4)),
    ]

    arranged = arrange(layers, Layout())

    assert arranged.files == (
        Placement("a/b", "2", "models/a/b", 3),
        Placement("outside", "2", "outside", 4),
        Placement("z", "1", "models/z", 1),
    )
    assert arranged.folders == ("d",)
    assert arranged.twins == ()


def test_a_raw_layers_file_goes_by_its_title() -> None:
    layer = Layer("1", Contents((File("raw", 5),), ()), "models/sub/w.gguf")

    (placement,) = arrange([layer], Layout()).files

    assert placement == Placement("sub/w.gguf", "1", "raw", 5)


def test_where_not_everything_is_wanted_no_empty_folders_are_made() -> None:
    layers = [bundle("1", ("models/a", 1), ("models/b", 1), folders=("models/empty",))]

    arranged = arrange(layers, Layout(wanted=lambda path: path == "b"))

    assert [placement.path for placement in arranged.files] == ["b"]
    assert arranged.folders == ()


def test_files_of_one_name_must_be_compared() -> None:
    first, second = bundle("1", ("a", 1)), bundle("2", ("models/a", 1))

    arranged = arrange([first, second], Layout())

    assert arranged.twins == ((Placement("a", "1", "a", 1), Placement("a", "2", "models/a", 1)),)


@pytest.mark.parametrize(
    "second",
    [
        bundle("2", ("a", 2)),
        bundle("2", ("a/b", 1)),
        bundle("2", ("a/b/c", 1)),
        bundle("2", folders=("a",)),
        bundle("2", folders=("a/b",)),
    ],
)
def test_layers_that_cannot_both_be_right_are_refused(second: Layer) -> None:
    with pytest.raises(IntegrityError, match="contradict"):
        arrange([bundle("1", ("a", 1)), second], Layout())
    with pytest.raises(IntegrityError, match="contradict"):
        arrange([second, bundle("1", ("a", 1))], Layout())


@pytest.mark.parametrize("name", [".lading-pull", ".lading-pull/x", ".Lading-Pull.done/x"])
def test_nothing_goes_where_unfinished_pulls_are_kept(name: str) -> None:
    with pytest.raises(IntegrityError, match="unfinished pulls"):
        arrange([bundle("1", (f"models/{name}", 1))], Layout())


def test_a_name_that_only_begins_like_it_may_be_used() -> None:
    (placement,) = arrange([bundle("1", (".lading-pull-notes", 1))], Layout()).files

    assert placement.path == ".lading-pull-notes"

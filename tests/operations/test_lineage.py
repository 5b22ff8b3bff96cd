"""Lineage is followed up through parents, and down through what names one as a parent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operations.sealed import publish, small
from parts.dialect import Dialect
from parts.double import Double
from parts.registry import DockerRegistry

from lading.errors import InvalidInput, NotFound
from lading.operations.ancestry.result import LineageResult
from lading.operations.lineage import lineage
from lading.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small(tmp_path / "m")


def made_from(*parents: tuple[str, str | None], **more: Any) -> dict[str, Any]:
    """What a document says of its lineage."""
    named = [
        {"reference": reference, "relation": "finetuned"} | ({"digest": digest} if digest else {})
        for reference, digest in parents
    ]
    return {"parents": named, **more}


def labels(result: LineageResult) -> list[str]:
    return [node.label for node in result.nodes]


def edges(result: LineageResult) -> set[tuple[str, str]]:
    """Who was made from whom, by their labels."""
    names = {node.id: node.label for node in result.nodes}
    return {(names[edge.downstream], names[edge.upstream]) for edge in result.edges}


# Up


def test_parents_are_followed_with_what_they_were_made_with(
    folder: Path, settings: Settings
) -> None:
    data = {"name": "rows", "split": "train", "digest": "md5:1"}
    base = publish(folder, "ml/base:1.0.0", settings, lineage=made_from(datasets=[data]))
    middle = publish(
        folder, "ml/middle:1.0.0", settings, lineage=made_from(("ml/base:1.0.0", base))
    )
    publish(
        folder,
        "ml/fraud:1.0.0",
        settings,
        lineage=made_from(
            ("ml/middle:1.0.0", middle),
            datasets=[data],
            code={"repository": "https://example.com/x", "commit": "1" * 40, "dirty": True},
            runs=[{"tracker": "mlflow", "id": "77"}],
        ),
    )

    result = lineage("ml/fraud:1.0.0", settings=settings)

    code = f"https://example.com/x@{'1' * 40}"
    assert labels(result)[0] == "ml/fraud:1.0.0"
    assert edges(result) == {
        ("ml/fraud:1.0.0", "ml/middle:1.0.0"),
        ("ml/fraud:1.0.0", "rows"),
        ("ml/fraud:1.0.0", code),
        ("ml/fraud:1.0.0", "mlflow 77"),
        ("ml/middle:1.0.0", "ml/base:1.0.0"),
        ("ml/base:1.0.0", "rows"),
    }
    assert {node.status for node in result.nodes} == {"found"}


def test_a_diamond_has_each_model_once(folder: Path, settings: Settings) -> None:
    base = publish(folder, "ml/base:1.0.0", settings)
    parent = ("ml/base:1.0.0", base)
    left = publish(folder, "ml/left:1.0.0", settings, lineage=made_from(parent))
    right = publish(folder, "ml/right:1.0.0", settings, lineage=made_from(parent))
    publish(
        folder,
        "ml/merged:1.0.0",
        settings,
        lineage=made_from(("ml/left:1.0.0", left), ("ml/right:1.0.0", right)),
    )

    result = lineage("ml/merged:1.0.0", settings=settings)

    assert sorted(labels(result)) == [
        "ml/base:1.0.0", "ml/left:1.0.0", "ml/merged:1.0.0", "ml/right:1.0.0",
    ]  # fmt: skip
    assert len(result.edges) == 4


def test_a_circle_is_cut_and_said(folder: Path, settings: Settings) -> None:
    publish(folder, "ml/a:1.0.0", settings, lineage=made_from(("ml/b:1.0.0", None)))
    publish(folder, "ml/b:1.0.0", settings, lineage=made_from(("ml/a:1.0.0", None)))

    result = lineage("ml/a:1.0.0", settings=settings)

    assert edges(result) == {("ml/a:1.0.0", "ml/b:1.0.0")}
    assert len(result.notes) == 1


def test_a_parent_that_cannot_be_reached_is_there_with_the_reason(
    folder: Path, settings: Settings
) -> None:
    missing = "sha256:" + "a" * 64
    publish(
        folder,
        "ml/fraud:1.0.0",
        settings,
        lineage=made_from(
            ("ml/gone:1.0.0", missing), ("127.0.0.1:1/x:1", None), ("no reference!", None)
        ),
    )

    result = lineage("ml/fraud:1.0.0", settings=settings)

    unreachable = [node for node in result.nodes if node.status == "unreachable"]
    assert [node.label for node in unreachable] == [
        "ml/gone:1.0.0",
        "127.0.0.1:1/x:1",
        "no reference!",
    ]
    assert all(node.why for node in unreachable)
    assert unreachable[0].digest == missing


def test_a_name_that_means_another_version_now_is_not_the_parent(
    folder: Path, settings: Settings
) -> None:
    publish(folder, "ml/base:1.0.0", settings, params={"changed": True})
    missing = "sha256:" + "b" * 64
    publish(folder, "ml/fraud:1.0.0", settings, lineage=made_from(("ml/base:1.0.0", missing)))

    result = lineage("ml/fraud:1.0.0", settings=settings)

    assert result.nodes[1].status == "unreachable"
    assert "another version now" in str(result.nodes[1].why)


def test_a_parent_is_followed_to_another_registry(
    folder: Path,
    registry: DockerRegistry,
    other_registry: DockerRegistry,
    repository: str,
    settings: Settings,
) -> None:
    there = f"{other_registry.host}/{repository}:1.0.0"
    base = publish(folder, there, settings, lineage=made_from(datasets=[{"name": "rows"}]))
    here = f"{registry.host}/{repository}:2.0.0"
    publish(folder, here, settings, lineage=made_from((there, base)))

    result = lineage(here, settings=settings)

    assert edges(result) == {(here, there), (there, "rows")}


def test_a_parent_without_a_host_is_looked_for_where_its_child_is(
    folder: Path, double: Double, settings: Settings
) -> None:
    base = publish(folder, f"{double.host}/ml/base:1.0.0", settings)
    publish(
        folder,
        f"{double.host}/ml/fraud:1.0.0",
        settings,
        lineage=made_from(("ml/base:1.0.0", base)),
    )

    result = lineage(f"{double.host}/ml/fraud:1.0.0", settings=settings)

    assert [node.status for node in result.nodes] == ["found", "found"]


def test_only_so_many_steps_are_followed(folder: Path, settings: Settings) -> None:
    digest = publish(folder, "ml/m:1.0.0", settings)
    for minor in range(1, 4):
        parent = (f"ml/m:1.{minor - 1}.0", digest)
        digest = publish(folder, f"ml/m:1.{minor}.0", settings, lineage=made_from(parent))

    result = lineage("ml/m:1.3.0", depth=2, settings=settings)

    assert labels(result) == ["ml/m:1.3.0", "ml/m:1.2.0", "ml/m:1.1.0", "ml/m:1.0.0"]
    assert [node.status for node in result.nodes] == ["found", "found", "found", "not followed"]


def test_a_password_for_the_registry_that_was_named_goes_to_no_other(
    folder: Path, double: Double, settings: Settings
) -> None:
    with Double(users={"ada": "secret"}) as stranger:
        publish(
            folder,
            f"{double.host}/ml/fraud:1.0.0",
            settings,
            lineage=made_from((f"{stranger.host}/ml/base:1.0.0", None)),
        )
        known = replace(settings, username="ada", password="secret")

        result = lineage(f"{double.host}/ml/fraud:1.0.0", settings=known)

        assert result.nodes[1].status == "unreachable"
        assert stranger.requests
        assert not any("authorization" in request.headers for request in stranger.requests)


def test_a_document_from_a_registry_leads_into_no_folder_of_this_machine(
    folder: Path, double: Double, settings: Settings, tmp_path: Path
) -> None:
    secret = f"oci:{tmp_path / 'secret'}:1.0.0"
    publish(folder, secret, settings)
    publish(folder, f"{double.host}/ml/fraud:1.0.0", settings, lineage=made_from((secret, None)))

    result = lineage(f"{double.host}/ml/fraud:1.0.0", settings=settings)

    assert result.nodes[1].status == "unreachable"
    assert "folder of this machine" in str(result.nodes[1].why)


def test_what_is_not_there_or_makes_no_sense_is_refused(folder: Path, settings: Settings) -> None:
    publish(folder, "ml/fraud:1.0.0", settings)

    with pytest.raises(NotFound):
        lineage("ml/fraud:2.0.0", settings=settings)
    with pytest.raises(InvalidInput, match="depth"):
        lineage("ml/fraud:1.0.0", depth=0, settings=settings)
    with pytest.raises(InvalidInput, match="direction"):
        lineage("ml/fraud:1.0.0", direction="sideways", settings=settings)  # type: ignore[arg-type]


# Down


def test_what_was_made_from_a_version_is_found_in_every_repository_of_its_place(
    folder: Path, settings: Settings
) -> None:
    base = publish(folder, "ml/base:1.0.0", settings)
    middle = publish(
        folder, "ml/middle:1.0.0", settings, lineage=made_from(("ml/base:1.0.0", base))
    )
    publish(folder, "team/leaf:1.0.0", settings, lineage=made_from(("elsewhere/x:1", middle)))
    publish(folder, "team/stranger:1.0.0", settings)

    result = lineage("ml/base:1.0.0", direction="down", settings=settings)

    assert edges(result) == {
        ("ml/middle:1.0.0", "ml/base:1.0.0"),
        ("team/leaf:1.0.0", "ml/middle:1.0.0"),
    }
    assert result.notes == ()


def test_downwards_a_registry_is_asked_for_its_catalogue(
    folder: Path, double: Double, settings: Settings
) -> None:
    base = publish(folder, f"{double.host}/ml/base:1.0.0", settings)
    child = f"{double.host}/other/child:1.0.0"
    publish(folder, child, settings, lineage=made_from(("ml/base:1.0.0", base)))

    result = lineage(f"{double.host}/ml/base:1.0.0", direction="down", settings=settings)

    assert edges(result) == {(child, f"{double.host}/ml/base:1.0.0")}


def test_without_a_catalogue_named_repositories_are_looked_through_and_it_is_said(
    folder: Path, double: Double, settings: Settings
) -> None:
    double.dialect = Dialect(catalog=False)
    base = publish(folder, f"{double.host}/ml/base:1.0.0", settings)
    child = f"{double.host}/other/child:1.0.0"
    publish(folder, child, settings, lineage=made_from(("ml/base:1.0.0", base)))

    alone = lineage(f"{double.host}/ml/base:1.0.0", direction="down", settings=settings)
    named = lineage(
        f"{double.host}/ml/base:1.0.0",
        direction="down",
        within=[f"{double.host}/other/child", f"{double.host}/no/such"],
        settings=settings,
    )

    assert alone.edges == ()
    assert "catalogue" in alone.notes[0]
    assert edges(named) == {(child, f"{double.host}/ml/base:1.0.0")}


def test_a_version_that_cannot_be_read_is_a_note_and_no_failure(
    folder: Path, double: Double, settings: Settings
) -> None:
    publish(folder, f"{double.host}/ml/base:1.0.0", settings)
    double.put_manifest("ml/base", b"{}", "application/vnd.oci.image.manifest.v1+json", "2.0.0")

    result = lineage(f"{double.host}/ml/base:1.0.0", direction="down", settings=settings)

    assert result.edges == ()
    assert any("ml/base:2.0.0 was not looked at" in note for note in result.notes)

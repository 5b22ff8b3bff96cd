"""The doctor finds out by doing, and leaves no tag behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from parts.dialect import GAR, HARBOR, OCI, Dialect
from parts.double import Double
from parts.registry import DockerRegistry

from lading.errors import AccessDenied, InvalidInput, Unavailable
from lading.operations import stores
from lading.operations.doctor import doctor
from lading.settings import Settings
from lading.spec.reference import Reference


def statuses(place: str, settings: Settings) -> dict[str, str]:
    return {check.name: check.status for check in doctor(place, settings=settings).checks}


def test_of_a_docker_registry(registry: DockerRegistry, settings: Settings) -> None:
    place = f"{registry.host}/examined"

    found = statuses(place, settings)

    assert found == {
        "read": "works",
        "monolithic upload": "works",
        "chunked upload": "works",
        "upload resumed": "missing",
        "ranges": "works",
        "mount": "works",
        "custom media types": "works",
        "referrers": "missing",
        "tag immutability": "missing",
        "keep tags": "works",
        "delete": "works",
    }


def test_no_tag_is_left(registry: DockerRegistry, settings: Settings) -> None:
    place = f"{registry.host}/examined-and-left"

    result = doctor(place, settings=settings)

    store = stores.open_store(Reference.parse(place), settings)
    assert [name for name in store.names() if not name.startswith("keep-")] == []
    assert any("garbage collection" in note for note in result.notes)


@pytest.mark.parametrize(
    ("dialect", "name", "status"),
    [
        (OCI, "referrers", "works"),
        (OCI, "upload resumed", "works"),
        (GAR, "chunked upload", "missing"),
        (HARBOR, "tag immutability", "works"),
        (Dialect(mount=False), "mount", "missing"),
        (Dialect(ranges=False), "ranges", "missing"),
        (Dialect(delete_tags=405, delete_manifests=405), "delete", "failed"),
    ],
)
def test_of_other_registries(
    dialect: Dialect, name: str, status: str, double: Double, settings: Settings
) -> None:
    double.dialect = dialect

    assert statuses(f"{double.host}/examined", settings)[name] == status


def test_every_check_that_did_not_work_says_what_that_means(
    double: Double, settings: Settings
) -> None:
    double.dialect = GAR

    result = doctor(f"{double.host}/examined", settings=settings)

    assert all(check.meaning for check in result.checks if check.status != "works")


def test_without_rights_to_push_it_says_so(
    password_registry: DockerRegistry, settings: Settings
) -> None:
    with pytest.raises(AccessDenied):
        doctor(f"{password_registry.host}/examined", settings=settings)


def test_of_nothing_that_answers(settings: Settings) -> None:
    with pytest.raises(Unavailable):
        doctor("127.0.0.1:1/examined", settings=replace(settings, retries=0))


def test_of_no_registry_at_all(settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        doctor("ml/fraud", settings=settings)

"""A bill of materials of an image in CycloneDX's JSON. Pure; the same image gives the same text."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

from lading.images.installed import Package
from lading.spec.descriptor import Platform
from lading.spec.digest import Digest

SPECIFICATION: Final = "1.6"
MEDIA_TYPE: Final = "application/vnd.cyclonedx+json"


def bill(
    packages: Iterable[Package],
    *,
    image: Digest,
    name: str,
    platform: Platform,
    created: str | None,
    tool: str,
) -> dict[str, Any]:
    """The bill of one image: ``image`` is its manifest's digest, ``name`` what people call it."""
    metadata: dict[str, Any] = {"timestamp": created} if created else {}
    metadata["tools"] = {"components": [{"type": "application", "name": "lading", "version": tool}]}
    metadata["component"] = {
        "type": "container",
        "bom-ref": str(image),
        "name": name,
        "version": str(image),
        "hashes": [{"alg": "SHA-256", "content": image.hex}],
        "properties": [{"name": "dev.lading.platform", "value": str(platform)}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, image)}",
        "version": 1,
        "metadata": metadata,
        "components": list(_components(packages)),
    }


def _components(packages: Iterable[Package]) -> Iterator[dict[str, Any]]:
    """Each package once, with every place where it is."""
    places: dict[tuple[str, str], list[Package]] = {}
    for package in packages:
        places.setdefault((package.key, package.version), []).append(package)
    for (key, version), found in sorted(places.items()):
        url = f"pkg:pypi/{quote(key, safe='')}@{quote(version, safe='')}"
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": url,
            "name": found[0].name,
            "version": version,
            "purl": url,
        }
        if said := next((each.license for each in found if each.license), None):
            component["licenses"] = [{"license": {"name": said}}]
        sites = sorted({each.site for each in found})
        component["evidence"] = {"occurrences": [{"location": f"/{site}"} for site in sites]}
        yield component

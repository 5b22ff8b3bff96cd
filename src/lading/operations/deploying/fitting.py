"""Whether what documents run is for the machines that the rest of them was written for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from lading.deploy.nodes import selector
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.wish import Facts, Kind, Wish
from lading.errors import Unsupported
from lading.operations import stores
from lading.operations.reading.image_packages import images_in
from lading.spec.manifest import Index, parse
from lading.spec.mediatypes import ROLE
from lading.spec.reference import Reference
from lading.transfer import read

if TYPE_CHECKING:
    from lading.deploy.resource import Resource
    from lading.deploy.said import Running
    from lading.operations.deploying.written import Written
    from lading.operations.stores import AnyStore
    from lading.settings import Settings

_ARCHITECTURE: Final = "kubernetes.io/arch"
_MACHINE: Final = ("compose", "podman")
_OPTION: Final = "--platform="


def only(
    written: Written,
    pins: Pins,
    facts: Facts,
    documents: tuple[Resource, ...],
) -> str | None:
    """The one platform that it runs on, where the documents do not say so themselves.

    Raises:
        Unsupported: it runs on none of those that they name, or on none at all.
    """
    old = written.running
    platform = next(_platforms(documents), None)
    kind = cast(Kind, old.kind if old.kind in _MACHINE else "deployment")
    wish = Wish(kind=kind, name="model", platform=platform)
    beside = old.way == "beside"
    if beside:
        facts = replace(facts, mountable=facts.modelcar)
    nodes = selector(pins, facts, wish, mounts=beside or old.way == "mounted")
    return f"linux/{nodes[_ARCHITECTURE]}" if nodes and platform is None else None


def as_it_is(store: AnyStore, running: Running, settings: Settings) -> tuple[Pins, Facts]:
    """What a folder runs, and for which platforms the registry has it.

    Raises:
        InvalidInput: what serves it is no image.
        NotFound: something is gone.
    """
    runs = Runs(running.place, running.digest, running.version)
    serving = Serving(running.serving, running.way == "held")
    pins = Pins(runs, serving, running.puller, running.modelcar)
    top = store.resolve(str(running.digest))
    index = parse(read(store, top), top.media_type)
    entries = index.manifests if isinstance(index, Index) else ()
    return pins, Facts(
        size=0,
        framework=None,
        platforms=_offered(running.serving, settings),
        modelcar=_offered(running.modelcar, settings) if running.modelcar else (),
        mountable=tuple(
            str(each.platform)
            for each in entries
            if each.platform and each.annotations.get(ROLE) == "image"
        ),
    )


def _offered(image: str, settings: Settings) -> tuple[str, ...]:
    """The platforms of an image; none where its index does not say."""
    place = Reference.parse(image)
    store = stores.open_store(place, settings)
    root = store.resolve(str(place.digest))
    manifest = parse(read(store, root), root.media_type)
    if isinstance(manifest, Index):
        named = [str(each.platform) for each in manifest.manifests if each.platform]
        return tuple(each for each in named if not each.startswith("unknown/"))
    return tuple(str(each.base.platform) for each in images_in(store, root, image, ()))


def demand_fitting(
    written: Written,
    pins: Pins,
    facts: Facts,
    documents: tuple[Resource, ...],
) -> str | None:
    """Refuse another version that the rest of the documents was not written for.

    What is for one platform only is refused where nodes may have any; of one machine nobody knows
    what it is, so that is said: the platform.

    Raises:
        Unsupported: the image has no model in it, or is for other nodes.
    """
    old = written.running
    anew = f"{written.anew.replace('REF', pins.runs.reference)} writes the documents anew"
    if old.way == "held" and not pins.serving.holds_model:
        raise Unsupported(
            f"{pins.serving.reference} does not hold the model",
            cause=f"{written.folder} was written for one that does",
            hint=f"lading image build {pins.runs.named} --target serve --push; or {anew}",
        )
    platform = only(written, pins, facts, documents)
    if platform is not None and old.kind not in _MACHINE:
        beside = f" beside {pins.modelcar}" if pins.modelcar else ""
        raise Unsupported(
            f"{pins.serving.reference}{beside} is for {platform} only",
            cause=f"{written.folder} was written for nodes of any processor",
            hint=anew,
        )
    return platform


def _platforms(documents: tuple[Resource, ...]) -> Iterator[str]:
    """What documents name: the processors that pods are held to, the platform of a service."""
    for each in documents:
        yield from _of_nodes(each.get("spec"))
        services = each.get("services")
        for service in services.values() if isinstance(services, dict) else ():
            if isinstance(service, dict) and isinstance(service.get("platform"), str):
                yield service["platform"]
        container = each.get("Container")
        said = container.get("PodmanArgs") if isinstance(container, dict) else None
        for word in said.values() if isinstance(said, dict) else (said,):
            if isinstance(word, str) and word.startswith(_OPTION):
                yield word.removeprefix(_OPTION)


def _of_nodes(spec: Any) -> Iterator[str]:
    while isinstance(spec, dict):
        nodes = spec.get("nodeSelector")
        if isinstance(nodes, dict) and isinstance(nodes.get(_ARCHITECTURE), str):
            yield f"linux/{nodes[_ARCHITECTURE]}"
        inner = spec.get("template") or spec.get("predictor")
        spec = inner.get("spec", inner) if isinstance(inner, dict) else None

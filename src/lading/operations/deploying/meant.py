"""What is said of a name that leads to no version: to a folder, or to documents that were pushed.

Each is asked for where it is already known that nothing can be deployed, or nobody else be meant.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import IntegrityError, InvalidInput, LadingError, NotFound
from lading.operations import stores
from lading.operations.deploying.artifact import CONFIG
from lading.operations.deploying.written import find
from lading.spec import mediatypes
from lading.spec.digest import Digest
from lading.spec.manifest import Manifest, parse
from lading.spec.reference import Reference
from lading.spec.tags import TAG
from lading.transfer import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lading.deploy.said import Running
    from lading.operations.stores import AnyStore
    from lading.settings import Settings


def demand_no_folder(
    reference: str | Reference,
    settings: Settings,
    hint: Callable[[str, Running | None], str],
) -> None:
    """Refuse a folder where the name of a version belongs.

    ``hint`` is given the folder, and what it runs where ``lading deploy`` wrote it. A model of that
    name, on this machine or in the default registry, is what is meant.

    Raises:
        InvalidInput: it is one; says what takes it.
    """
    if not isinstance(reference, str) or not _is_folder(reference):
        return
    if (place := _place(reference, settings)) and (place.host or _is_here(place, settings)):
        return
    raise InvalidInput(
        f"{reference} is a folder, and no version",
        hint=hint(shlex.quote(reference), _running(Path(reference))),
    )


def instead_of_deploy(folder: str, running: Running | None) -> str:
    """What takes a folder that was to be deployed."""
    if running is None:
        return f"lading push {folder} HOST/NAME:VERSION, and deploy that"
    version = "" if running.stage else f" {running.place}:VERSION"
    return (
        f"lading deploy update {folder}{version} has it run another version;"
        f" lading deploy --check {folder} looks at it"
    )


def instead_of_bundle(folder: str, running: Running | None) -> str:
    """What takes a folder that was to be bundled."""
    if running is not None:
        return f"lading bundle {running.reference} --deploy {folder} -o FILE.tar"
    return (
        f"lading push {folder} NAME:VERSION makes a version of it; a folder of documents goes along"
        f" with one: lading bundle REF --deploy {folder} -o FILE.tar"
    )


def demand_registry(
    reference: str | Reference, settings: Settings, *, folder: Path, running: Running
) -> None:
    """Refuse a name without a registry, for a folder of which one is known.

    What is on this machine is refused elsewhere, with what brings it to a registry.

    Raises:
        InvalidInput: it has none; says which version of what the folder runs is perhaps meant.
    """
    update = f"lading deploy update {shlex.quote(str(folder))} {running.place}"
    demand_no_folder(reference, settings, lambda *_: f"{update}:VERSION")
    place = stores.locate(reference, settings)
    if place.host or place.layout is not None or _is_here(place, settings):
        return
    same = running.place.endswith(f"/{place.repository}")
    if not same and (place.name or not TAG.fullmatch(place.repository)):
        return
    name = str(place).removeprefix(place.repository) if same else f":{place.repository}"
    raise InvalidInput(
        f"{place} is no version on a registry",
        cause=f"{folder} runs one of {running.place}",
        hint=f"{update}{name}",
    )


@contextmanager
def no_documents(store: AnyStore, place: Reference) -> Iterator[None]:
    """Say of what cannot be deployed that it is documents, where it is.

    Raises:
        InvalidInput: it is; says who reads them, and what they run.
    """
    try:
        yield
    except (IntegrityError, InvalidInput, NotFound):
        _demand_no_documents(store, place)
        raise


def _demand_no_documents(store: AnyStore, place: Reference) -> None:
    try:
        root = store.resolve(str(place.name))
        manifest = parse(read(store, root), root.media_type)
    except LadingError:
        return  # what was found out before says more
    if not isinstance(manifest, Manifest) or manifest.config.media_type != CONFIG:
        return
    model = _model(manifest.annotations)
    reads = f"an OCIRepository of Flux's reads them from oci://{place.base}"
    raise InvalidInput(
        f"{place} is documents, and no model",
        cause=f"lading deploy --push made them of {model}" if model else "for Flux to read",
        hint=f"{reads}; lading deploy {model or 'REF'} -o DIR writes such into a folder",
    )


def _model(annotations: Mapping[str, str]) -> str | None:
    """The version that documents say they run; whoever pushed them may be anybody."""
    place = annotations.get(mediatypes.SOURCE, "")
    try:
        digest = Digest(annotations.get(mediatypes.REVISION, "").rpartition("@")[2])
        return str(Reference.parse(place).with_digest(digest))
    except InvalidInput:
        return None


def _place(reference: str, settings: Settings) -> Reference | None:
    try:
        return stores.locate(reference, settings)
    except InvalidInput:
        return None


def _is_here(place: Reference, settings: Settings) -> bool:
    return stores.local_folder(place, settings).exists()


def _is_folder(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):
        return False


def _running(folder: Path) -> Running | None:
    try:
        return find(folder).running
    except LadingError:
        return None

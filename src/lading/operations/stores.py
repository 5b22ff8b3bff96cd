"""From what a person wrote to an open store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from lading.errors import InvalidInput, LadingError, NotFound, Unavailable
from lading.ports import Lister, Source
from lading.spec.descriptor import Descriptor
from lading.spec.mirror import mirrors_of
from lading.spec.reference import Reference, is_repository
from lading.spec.tags import LATEST, is_own
from lading.spec.version import Version, highest_release

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.stores.bundle import BundleStore
    from lading.stores.layout import LayoutStore
    from lading.stores.remote.registry import RemoteStore

    # Whatever a reference leads to.
    AnyStore: TypeAlias = RemoteStore | LayoutStore | BundleStore

# A mistake is answered at once; more are not looked through for what may be meant.
MOST_COMPARED: Final = 1000


def settled(settings: Settings | None) -> Settings:
    """The settings given, or those that hold now."""
    if settings is not None:
        return settings
    from lading.settings import load

    return load()


def locate(reference: str | Reference, settings: Settings) -> Reference:
    """A reference, with the default registry where it names no place."""
    parsed = Reference.parse(reference) if isinstance(reference, str) else reference
    if parsed.host or parsed.layout is not None or not settings.registry:
        return parsed
    _, scheme, rest = settings.registry.rpartition("://")
    if scheme:
        raise InvalidInput(
            f"the default registry {settings.registry[:200]!r} is not a host",
            cause="it is no URL",
            hint=f"write it without {settings.registry[: -len(rest)] or scheme}:"
            f" LADING_REGISTRY={rest.rstrip('/')}",
        )
    place = Reference.parse(f"{settings.registry.rstrip('/')}/{parsed.repository}")
    if not place.host:
        raise InvalidInput(
            f"the default registry {settings.registry!r} is not a host",
            hint="LADING_REGISTRY=registry.example.com, or HOST/PREFIX",
        )
    return replace(parsed, host=place.host, repository=place.repository)


def with_name(reference: Reference) -> Reference:
    """The reference, meaning ``latest`` where no tag is written.

    A layout folder that another tool wrote may hold one thing under no name at all.
    """
    if reference.name or reference.layout is not None:
        return reference
    return reference.with_tag(LATEST)


def resolve(store: Source, reference: Reference) -> Descriptor:
    """What a reference names in its store.

    Where nobody ever set ``latest``, the highest release is meant all the same.

    Raises:
        NotFound: nothing has that name.
    """
    name = reference.name
    if name not in (None, LATEST):
        try:
            return store.resolve(str(name))
        except NotFound as error:
            raise _with_hint(error, store, reference) from error
    if name is None and (only := _only(store)):
        return only
    try:
        return store.resolve(LATEST)
    except NotFound:
        highest = highest_release(list(store.names())) if isinstance(store, Lister) else None
        if highest is None:
            raise
        return store.resolve(highest.tag)


def has(store: AnyStore, descriptor: Descriptor) -> bool:
    """Whether some content can be read there, from a mirror as well."""
    from lading.stores.mirrored import MirroredStore

    if isinstance(store, MirroredStore):
        return store.is_anywhere(descriptor)
    return store.exists(descriptor)


def _with_hint(error: NotFound, store: Source, reference: Reference) -> NotFound:
    """The same error with the name that is perhaps meant; nothing else is asked of layouts."""
    if not reference.host or reference.digest or not isinstance(store, Lister):
        return error
    from lading.spec.nearest import near

    try:
        tags = [tag for tag in islice(store.names(), MOST_COMPARED) if not is_own(tag)]
    except LadingError:
        return error
    if not tags:
        return NotFound(error.what, cause=error.cause, hint=others_on(reference.host))
    found = near(reference.tag or "", tags)
    meant = f"did you mean {reference.with_tag(found[0])}? Otherwise: " if found else ""
    return NotFound(error.what, cause=error.cause, hint=f"{meant}{error.hint or ''}" or None)


def others_on(host: str) -> str:
    """A hint for who wrote the name of a model that is not there."""
    return f"lading search '{host}/*' shows the models there"


def _only(store: Source) -> Descriptor | None:
    from lading.stores.bundle import BundleStore
    from lading.stores.layout import LayoutStore

    return store.only() if isinstance(store, LayoutStore | BundleStore) else None


def open_store(
    reference: Reference,
    settings: Settings,
    *,
    create: bool = False,
    beside: RemoteStore | None = None,
    own_word: bool = False,
) -> AnyStore:
    """The store that a reference names: a registry, a layout folder or file, or the local store.

    A registry with mirrors is one store with them. ``own_word`` is for who acts on what names mean
    without anybody looking: there a mirror, which may be behind, must not speak for the registry.

    ``beside`` is another repository of the same registry, whose connections and tokens it shares.

    Raises:
        NotFound: there is no such repository on this machine.
        Unavailable: it is in a registry, and the settings say offline.
    """
    if reference.host:
        demand_online(reference.base, settings)
        from lading.stores.remote.registry import RemoteStore

        client = beside.client if beside and beside.host == reference.host else None
        if mirrors := mirrors_of(reference.host, reference.repository, settings.mirrors):
            from lading.stores.mirrored import MirroredStore

            return MirroredStore(
                reference.host,
                reference.repository,
                settings,
                mirrors,
                client=client,
                own_word=own_word,
            )
        return RemoteStore(reference.host, reference.repository, settings, client=client)
    from lading.stores.layout import LayoutStore

    folder = local_folder(reference, settings)
    if reference.layout is not None and (file := _file_above(folder)):
        return _in_bundle(file, folder)
    try:
        called = reference.repository if reference.layout is None else None
        return LayoutStore(folder, create=create, fsync=settings.fsync, called=called)
    except NotFound as error:
        if reference.layout is not None:
            raise _no_layout(folder, error) from error
        raise NotFound(
            f"there is no {reference.repository} on this machine",
            cause="and the name says no registry",
            hint=f"{_meant(reference, settings)}lading list shows what is here; HOST/NAME names a"
            " registry",
        ) from error


def _no_layout(path: Path, error: NotFound) -> NotFound:
    """That there is no such file or folder, or nothing in it; and what to write instead."""
    from lading.spec.nearest import near

    try:
        missing = next(
            (each for each in (*reversed(path.parents), path) if not each.exists()), None
        )
        if missing is None:
            return NotFound(error.what, cause=error.cause, hint=f"lading copy REF oci:{path}")
        others = [each.name for each in islice(missing.parent.iterdir(), MOST_COMPARED)]
    except OSError:
        return error  # this machine does not let anybody look there
    if found := near(missing.name, others, cutoff=0.6):
        meant = missing.parent / found[0] / path.relative_to(missing)
        return NotFound(f"there is no {missing}", hint=f"did you mean oci:{meant}?")
    writes = f"bundle REF -o {missing}" if missing.suffix == ".tar" else f"copy REF oci:{path}"
    return NotFound(f"there is no {missing}", hint=f"lading {writes} writes it")


def _file_above(path: Path) -> Path | None:
    """The file that a path leads into: ``bundle.tar`` of ``bundle.tar/ml/fraud``."""
    try:
        there = next((each for each in (path, *path.parents) if each.exists()), None)
        return there if there is not None and not there.is_dir() else None
    except OSError:
        return None  # whoever opens the layout is told what this machine refuses


def _in_bundle(file: Path, path: Path) -> BundleStore:
    """One repository of a bundle; it need not be named where it alone has versions."""
    from lading.stores.bundle import BundleStore, open_archive

    archive = open_archive(file)
    inside = path.relative_to(file).as_posix()
    if inside != ".":
        return BundleStore(archive, inside)
    names = sorted(archive.repositories)
    names = [
        name for name in names if any(map(Version.from_tag, archive.repositories[name].tags))
    ] or names
    if len(names) != 1:
        raise InvalidInput(
            f"which repository of {file}?",
            cause=f"it has {len(names)}",
            hint=" or ".join(f"oci:{file}/{name}" for name in names[:3]) or "it is empty",
        )
    return BundleStore(archive, *names)


def spokesman(store: Source) -> str | None:
    """The mirror whose word about names was taken, since the registry itself did not answer."""
    name: str | None = getattr(store, "spokesman", None)
    return name


def nearest_here(reference: Reference, settings: Settings) -> str | None:
    """The repository on this machine that is called so, or nearly so."""
    from lading.spec.nearest import near

    here = islice(local_repositories(settings), MOST_COMPARED)
    found = near(reference.repository, here, cutoff=0.6)
    return found[0] if found else None


def _meant(reference: Reference, settings: Settings) -> str:
    near = nearest_here(reference, settings)
    return f"did you mean {near}? Otherwise: " if near else ""


def demand_online(what: str, settings: Settings) -> None:
    """Refuse to ask a registry where the settings say that nobody is to be asked.

    Raises:
        Unavailable: they do.
    """
    if settings.offline:
        raise Unavailable(
            f"{what} was not asked",
            cause="offline is set",
            hint="unset LADING_OFFLINE; a copy in a folder needs no network: oci:FOLDER",
        )


def local_folder(reference: Reference, settings: Settings) -> Path:
    """The layout folder of a reference without a host."""
    if reference.layout is not None:
        return Path(reference.layout).expanduser()
    # No component of a repository's name may begin with _, so this never meets one.
    return settings.store / reference.repository / "_oci"


def local_repositories(settings: Settings, beginning: str = "") -> Iterator[str]:
    """Every repository of the local store whose name begins so; no other folders are looked at."""
    above, _, first = beginning.rpartition("/")
    if above and not is_repository(above):
        return
    root = settings.store
    top = str(root / above)
    for folder, children, _ in os.walk(top):
        name = str(Path(folder).relative_to(root))
        if "_oci" in children and name.startswith(beginning):
            yield name
        begun = first if folder == top else ""
        children[:] = sorted(
            child for child in children if child != "_oci" and child.startswith(begun)
        )

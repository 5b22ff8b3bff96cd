"""Load the model of a version: pulled, checked, and never run before somebody allowed it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.open import open as open_version
from lading.operations.pull import pull
from lading.operations.warning import EnvironmentWarning
from lading.spec.digest import Digest
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.frameworks.adapter import Adapter
    from lading.settings import Settings
    from lading.spec.document import Document
    from lading.transfer import OnProgress


# Said once for each version in a process: a server loads the same one again and again.
_warned: set[tuple[str, str]] = set()


@dataclass(frozen=True, slots=True, repr=False)
class Loaded:
    """A model with its document at hand; what it cannot do itself is asked of the model."""

    model: Any
    document: Document
    reference: str
    digest: str
    path: Path
    warnings: tuple[str, ...]
    adapter: Adapter = field(repr=False)

    def predict(self, data: object) -> Any:
        """What the model answers, whatever its framework calls that.

        Raises:
            InvalidInput: it does not take this input.
        """
        from lading.frameworks.door import predicting

        # Another package's adapter may not translate its framework's errors.
        with predicting(self.adapter.framework):
            return self.adapter.predict(self.model, data)

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling look for names before there is a model to ask.
        if name.startswith("__") or name == "model":
            raise AttributeError(name)
        return getattr(self.model, name)

    def __repr__(self) -> str:
        return f"Loaded({type(self.model).__name__}, {self.reference}, {self.digest})"


def load(
    reference: str | Reference,
    *,
    allow_pickle: bool | None = None,
    trusted: tuple[str, ...] = (),
    device: str | None = None,
    into: object = None,
    adapter: str | Adapter | None = None,
    check_environment: bool = True,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> Loaded:
    """The model of a version, as the framework that saved it gives it back.

    Its files come into the cache, every byte checked. Nothing that came with them is run unless
    ``allow_pickle`` says so, or where nothing is said the setting ``pickle_from``; and what is
    known to do harm not even then. Differences between this environment and the one it was saved in
    are warned of once.

    Raises:
        PolicyRefused: loading would run code of the model, and nobody allowed that.
        InvalidInput: it is not known how to load it, which ``adapter`` says; or which of its files
            is the model.
        LocalFailure: its framework is not installed.
        IntegrityError: its content is damaged.
    """
    settings = stores.settled(settings)
    pulled = pull(reference, settings=settings, on_progress=on_progress)
    if allow_pickle is None:
        allow_pickle = is_allowed(Reference.parse(pulled.reference), settings)
    # By digest, so that a name that moves meanwhile does not give another's document.
    place = Reference.parse(pulled.reference).with_digest(Digest(pulled.digest))
    with open_version(place, settings=settings) as opened:
        document = opened.document
    return from_folder(
        Path(pulled.path),
        document,
        reference=pulled.reference,
        digest=pulled.digest,
        allow_pickle=allow_pickle,
        trusted=trusted,
        device=device,
        into=into,
        adapter=adapter,
        check_environment=check_environment,
    )


def from_folder(
    folder: Path,
    document: Document,
    *,
    reference: str,
    digest: str,
    allow_pickle: bool = False,
    trusted: tuple[str, ...] = (),
    device: str | None = None,
    into: object = None,
    adapter: str | Adapter | None = None,
    check_environment: bool = True,
) -> Loaded:
    """The model in a folder that holds the files of a version, as its document says.

    Reference and digest are what the caller knows of it; nothing is looked up.

    Raises:
        LadingError: as :func:`load`.
    """
    from lading.frameworks import LoadOptions
    from lading.frameworks.door import loading

    found = [*_hazards(document, folder, allow_pickle=allow_pickle)]
    if check_environment:
        found += _environment(document, reference)
    for text in found:
        _warn_once(digest, text)
    chosen = _adapter(document, adapter)
    how = dict(document.framework.load) if document.framework else {}
    options = LoadOptions(
        allow_pickle=allow_pickle,
        trusted=trusted,
        device=device,
        into=into,
        files=_formats(document),
    )
    with loading(chosen.framework):
        model = chosen.load(folder, how, options)
    return Loaded(model, document, reference, digest, folder, tuple(found), chosen)


def _formats(document: Document) -> dict[str, str]:
    """What headers say that files are; what the list of files says was told by their endings."""
    return {file.path: file.format for file in (document.facts.files if document.facts else ())}


def is_allowed(place: Reference, settings: Settings) -> bool:
    """Whether the user's policy lets models of this place run code."""
    base = f"{place.base}/"
    return any(base.startswith(f"{prefix.rstrip('/')}/") for prefix in settings.pickle_from)


def _hazards(document: Document, folder: Path, *, allow_pickle: bool) -> Iterator[str]:
    """What a scan means for loading; whoever allows code to run does not rely on a record."""
    from lading.hazards.consult import consult

    hazards = document.hazards
    if allow_pickle or hazards is None:
        from lading.hazards.scan import scan_folder

        hazards = scan_folder(folder)
    if warning := consult(hazards):
        yield warning


def _environment(document: Document, reference: str) -> Iterator[str]:
    """How this environment differs from the one that the model was saved in, where it matters."""
    if document.environment is None:
        return
    from lading.operations.check_env import matters_to_load

    differing = matters_to_load(document.environment)
    if differing:
        named = ", ".join(
            f"{each.name} {each.running or 'missing'} instead of {each.recorded}"
            for each in differing[:5]
        )
        more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
        yield (
            f"the model was saved in another environment: {named}{more}"
            f" (lading check-env {reference})"
        )


def _warn_once(digest: str, text: str) -> None:
    if (digest, text) not in _warned:
        _warned.add((digest, text))
        # At the line that called lading.load.
        warnings.warn(text, EnvironmentWarning, stacklevel=4)


def _adapter(document: Document, chosen: str | Adapter | None) -> Adapter:
    """Who loads this: as the caller says, as the document says, or whose framework it is."""
    from lading.frameworks.registry import adapter, adapters

    if chosen is not None and not isinstance(chosen, str):
        return chosen
    framework = document.framework
    version = framework.version if framework else None
    pins = document.environment.requirements if document.environment else ()
    if chosen or (framework and framework.loader):
        return adapter(chosen or str(framework and framework.loader), version, pins)
    for name, registered in adapters().items() if framework else ():
        # Another package's adapter is chosen by name only: asking it would import it.
        own = registered.distribution == "lading"
        if own and framework and registered.load().framework == framework.name:
            return adapter(name, version, pins)
    raise InvalidInput(
        "it is not known what loads this model",
        cause="its document names no framework that an adapter is for",
        hint="lading.load(…, adapter='sklearn'), or lading.pull for its files",
    )

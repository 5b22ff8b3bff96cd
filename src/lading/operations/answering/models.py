"""A version, or a folder, as a model that can be asked: loaded with the consent that was given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import NotFound
from lading.operations.answering.folder import ModelFolder, as_path, example_in, open_folder
from lading.operations.load import Loaded, from_folder, load
from lading.serving.model import Example, Model
from lading.spec.digest import Digest

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.signatures.layouts import Layout
    from lading.spec.reference import Reference
    from lading.transfer import OnProgress

UNKNOWN: Final = "unknown"
# Threads that ask a model whose framework allows several at once; more would only share processors.
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Consent:
    """What the caller allows, and how the model is to be loaded."""

    allow_pickle: bool | None = None
    trusted: tuple[str, ...] = ()
    adapter: str | None = None
    device: str | None = None
    into: object = None


def model_of(
    reference: str | Reference,
    consent: Consent,
    settings: Settings,
    *,
    name: str | None = None,
    on_progress: OnProgress | None = None,
) -> Model:
    """The model of a version, or in a folder (``./model``, ``/models``).

    Raises:
        PolicyRefused: loading would run code of the model, and nobody allowed that.
        NotFound: there is no such version, or folder.
        LadingError: as :func:`lading.load`.
    """
    path = as_path(reference) if isinstance(reference, str) else None
    if path is not None:
        return _of_folder(open_folder(path), consent, settings, name)
    try:
        loaded = load(
            reference,
            allow_pickle=consent.allow_pickle,
            trusted=consent.trusted,
            device=consent.device,
            into=consent.into,
            adapter=consent.adapter,
            settings=settings,
            on_progress=on_progress,
        )
    except NotFound as error:
        if isinstance(reference, str) and Path(reference).is_dir():
            hint = f"the folder of that name is ./{reference}"
            raise NotFound(error.what, cause=error.cause, hint=hint) from error
        raise
    return _model(loaded, name)


def _of_folder(
    folder: ModelFolder, consent: Consent, settings: Settings, name: str | None
) -> Model:
    """Reference and digest are what the environment says of them: an image knows what it holds."""
    digest = settings.model_digest or UNKNOWN
    loaded = from_folder(
        folder.path,
        folder.document,
        reference=settings.model_reference or str(folder.path),
        digest=Digest(digest) if settings.model_digest else digest,
        allow_pickle=bool(consent.allow_pickle),
        trusted=consent.trusted,
        device=consent.device,
        into=consent.into,
        adapter=consent.adapter,
    )
    return _model(loaded, name)


def _model(loaded: Loaded, name: str | None) -> Model:
    document = loaded.document
    whole = document.name or Path(loaded.path).name
    short = name or whole.rpartition("/")[2]
    return Model(
        name=short,
        aliases=() if whole == short else (whole,),
        version=document.version or UNKNOWN,
        digest=loaded.digest,
        reference=loaded.reference,
        predict=loaded.predict,
        signature=document.signature,
        example=_example(ModelFolder(loaded.path, document)),
        framework=document.framework.name if document.framework else UNKNOWN,
        description=document.description,
        threads=_SEVERAL if getattr(loaded.adapter, "concurrent", False) else 1,
        by_row=bool(getattr(loaded.adapter, "by_row", False)),
    )


def _example(folder: ModelFolder) -> Example | None:
    found = example_in(folder)
    if found is None:
        return None
    value, layout, answer = found
    return Example(value, _layout(layout), answer)


def _layout(layout: str | None) -> Layout | None:
    """One of the layouts that are known; a later Lading may write others."""
    from lading.signatures.layouts import LAYOUTS

    return layout if layout in LAYOUTS else None  # type: ignore[return-value]  # one of them

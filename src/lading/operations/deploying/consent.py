"""Whether a version becomes ready where documents put it: nothing of it runs without consent.

The server in a cluster refuses a model that runs code when it is loaded, as every server does; then
nobody is there to see it, and a rollout waits for ever. So it is said before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lading.errors import PolicyRefused
from lading.hazards.consult import consult
from lading.operations import stores
from lading.operations.load import is_allowed
from lading.operations.reading.image_packages import images_in
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.deploy.pins import Pins
    from lading.operations.deploying.pinned import Found
    from lading.settings import Settings
    from lading.spec.document import Document

OPTION: Final = "--allow-pickle"


def allowed(pins: Pins, given: bool | None, settings: Settings) -> bool:
    """Whether the model may run code: as somebody says, else as the settings say of its place."""
    return is_allowed(Reference.parse(pins.runs.place), settings) if given is None else given


def demand_consent(found: Found, settings: Settings, *, given: bool, starts_itself: bool) -> None:
    """Refuse a version that its server would not load.

    ``given`` is what the server is told. Where its image ``starts_itself`` nobody tells it
    anything: then it was told when it was made, or not.

    Raises:
        PolicyRefused: loading runs code of the model, or harm was found in it, and nobody said
            that it may.
    """
    code, runs = code_of(found.document), found.pins.runs
    hint = f"{OPTION}, if you trust whoever made this model"
    if starts_itself:
        given = code is not None and _is_told(found.pins.serving.reference, settings)
        hint = f"lading image build {runs.reference} --target serve --push {hint}"
    if given:
        return
    consult(found.document.hazards)
    if code is not None:
        raise PolicyRefused(
            "loading this model runs code that came with it, and its server would refuse that",
            cause=code,
            hint=hint,
        )


def code_of(document: Document) -> str | None:
    """Why loading a version asks for consent; None where it does not, or nobody can tell."""
    framework = document.framework
    if framework is None:
        return None
    from lading.frameworks.code import runs_code

    return runs_code(
        framework.loader,
        framework.name,
        framework.load,
        {file.path: file.format for file in (document.facts.files if document.facts else ())},
        tuple(file.path for file in document.files),
    )


def _is_told(reference: str, settings: Settings) -> bool:
    """Whether an image that holds its model lets it run code when it starts."""
    place = Reference.parse(reference)
    store = stores.open_store(place, settings)
    found = images_in(store, stores.resolve(store, place), reference, ())
    return all(OPTION in each.base.command for each in found)

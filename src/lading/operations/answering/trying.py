"""Try a model as the server does before it serves, and end: what a build of an image asks.

It runs inside the image that is built, with the packages that are to serve.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from lading.operations import stores
from lading.operations.answering.models import Consent, model_of

if TYPE_CHECKING:
    from lading.serving.model import Model
    from lading.serving.trial import Trial
    from lading.settings import Settings

_ENDING: Final = 10.0


def try_folder(
    folder: str, *, allow_pickle: bool = False, settings: Settings | None = None
) -> tuple[str, ...]:
    """Load the model in a folder and let it answer its input example, if it has one.

    What ought to be known of that comes back; a model that answers otherwise than it did when it
    was saved is no error here, as it is none when it is served.

    Raises:
        PolicyRefused: loading would run code of the model, and nobody allowed that.
        LadingError: it cannot be loaded, or does not answer.
    """
    consent = Consent(allow_pickle=allow_pickle)
    model = model_of(folder, consent, stores.settled(settings))
    return asyncio.run(_tried(model)).notes


async def _tried(model: Model) -> Trial:
    from lading.serving.asker import Asker
    from lading.serving.limits import Limits
    from lading.serving.trial import trial

    asker = Asker(model, Limits())
    try:
        found: Trial = await asker.run(lambda: trial(asker))
    finally:
        asker.retire()
        # A framework's thread that ends while the interpreter does may crash it: PyTorch's did.
        asker.wait(_ENDING)
    return found

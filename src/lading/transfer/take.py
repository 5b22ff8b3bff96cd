"""Blobs that another store has, taken over: by a mount, which is one request and moves nothing."""

from __future__ import annotations

from collections.abc import Iterable

from lading.ports import Mounter, Source, Target
from lading.spec.descriptor import Descriptor
from lading.transfer.believe import believed
from lading.transfer.copy import Tally, content_of
from lading.transfer.pool import run
from lading.transfer.progress import Meter, OnProgress, counted, label


def take(
    source: Source,
    target: Target,
    blobs: Iterable[Descriptor],
    *,
    jobs: int = 4,
    on_progress: OnProgress | None = None,
) -> Tally:
    """Have blobs of another store in this one; the largest first, many at once.

    Unlike :func:`copy` this mounts before it asks whether something is there: who takes the layers
    of an image from a repository beside this one seldom has them.

    Raises:
        LadingError: the first failure; the transfers beside it are stopped.
    """
    tally = Tally()
    wanted = sorted({blob.digest: blob for blob in blobs}.values(), key=lambda blob: -blob.size)
    meter = Meter(on_progress, sum(blob.size for blob in wanted))

    def one(blob: Descriptor) -> None:
        track = meter.track(label(blob), blob.digest, blob.size)
        if isinstance(target, Mounter) and target.mount(blob, source):
            track.skip()
            tally.note(blob, "mounted")
        elif target.exists(blob):
            track.skip()
            tally.note(blob, "present")
        else:
            track.start()
            content = counted(content_of(source, blob), track)
            believed(source, blob, lambda: target.push(blob, content))
            track.finish()
            tally.note(blob, "sent")

    run(one, wanted, jobs=jobs, on_failure=meter.cancel)
    return tally

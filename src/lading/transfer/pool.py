"""A few threads over whole pieces of content; the first failure stops them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from lading.transfer.progress import Cancelled

Item = TypeVar("Item")


def run(
    work: Callable[[Item], None],
    items: Iterable[Item],
    *,
    jobs: int,
    on_failure: Callable[[], None],
) -> None:
    """Do the work for every item, in the order given, so many at once.

    ``on_failure`` is called at the first failure or interruption, to make running work stop;
    that first failure is raised when all threads have ended.
    """
    queue = list(items)
    if jobs <= 1 or len(queue) <= 1:
        for item in queue:
            work(item)
        return
    _run_threads(work, queue, min(jobs, len(queue)), on_failure)


def _run_threads(
    work: Callable[[Item], None], queue: list[Item], jobs: int, on_failure: Callable[[], None]
) -> None:
    from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(jobs, thread_name_prefix="lading") as pool:
        futures: list[Future[None]] = [pool.submit(work, item) for item in queue]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            failures = [f.exception() for f in futures if f.done() and not f.cancelled()]
        except BaseException:
            on_failure()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        if any(failures):
            on_failure()
            pool.shutdown(wait=True, cancel_futures=True)
    for failure in failures:
        if failure is not None and not isinstance(failure, Cancelled):
            raise failure

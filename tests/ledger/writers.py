"""A process that writes to a ledger, to run beside others and to be killed.

    python -m ledger.writers PLACE NAME COUNT FOLDER

It promotes one version after the other, COUNT times. What was acknowledged goes to FOLDER/NAME, on
the disk before anything else is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.samples import draft, open_fold

from lading.ledger.book import LedgerStore
from lading.ledger.read import read_book
from lading.ledger.write import record, settle
from lading.settings import Settings
from lading.spec.digest import Digest
from lading.stores.layout import LayoutStore
from lading.stores.remote.registry import RemoteStore

_TESTS = Path(__file__).resolve().parents[1]
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")


@contextmanager
def opened(place: str, folder: Path) -> Iterator[LedgerStore]:
    """A store from ``oci:FOLDER`` or ``HOST/REPOSITORY``."""
    if place.startswith("oci:"):
        yield LayoutStore(Path(place.removeprefix("oci:")))
        return
    host, _, repository = place.partition("/")
    settings = Settings(home=folder / "home", cache=folder / "cache", timeout=60)
    store = RemoteStore(host, repository, settings)
    try:
        yield store
    finally:
        store.client.close()


def start(place: str, name: str, count: int, folder: Path) -> subprocess.Popen[bytes]:
    """Such a process."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = (str(_TESTS.parent / "src"), str(_TESTS))
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ledger.writers", place, name, str(count), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths)},
        )


def acknowledged(folder: Path) -> list[Digest]:
    """What all such processes were told is there; a line that was cut off was never told."""
    lines = [
        line.strip()
        for file in sorted(folder.glob("*.acknowledged"))
        for line in file.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    ]
    return [Digest(line) for line in lines]


def main(place: str, name: str, count: int, folder: Path) -> None:
    """Promote one version after the other."""
    file = os.open(folder / f"{name}.acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with opened(place, folder) as store:
        versions = [store.resolve(version).digest for version in VERSIONS]
        for number in range(count):
            version = versions[number % len(versions)]
            book = read_book(store)
            wanted = draft("assigned", version, "prod", actor=name)
            recorded = record(store, book, wanted, fold=open_fold)
            os.write(file, f"{recorded.digest}\n".encode())
            os.fsync(file)
            settle(store, book, fold=open_fold, wrote=[recorded])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))

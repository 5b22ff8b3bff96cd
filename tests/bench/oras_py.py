"""What oras-py's own users write: push a folder's files, or pull them. Run as a program."""

import sys
from pathlib import Path

import oras.client


def main() -> None:
    verb, target, folder = sys.argv[1:]
    client = oras.client.OrasClient(insecure=True)
    if verb == "push":
        files = sorted(str(path) for path in Path(folder).iterdir())
        client.push(target=target, files=files, disable_path_validation=True)
    else:
        client.pull(target=target, outdir=folder)


main()

"""Names that mean something while packing and unpacking. Pure: no file is touched.

Which names of somebody else's may become paths is said in :mod:`lading.spec.member_names`.
"""

from __future__ import annotations

# What the one file of a layer that is no archive is kept under.
RAW_NAME = "raw"
# Where unfinished pulls are kept, in the folder that they go to; and on its way to be removed.
PULL_FOLDER = ".lading-pull"
PULL_FOLDERS = (PULL_FOLDER, PULL_FOLDER + ".done")


def in_pull_folder(path: str) -> bool:
    """Whether a path lies where unfinished pulls are kept, on any file system: some do not tell
    capital letters from small ones."""
    return path.partition("/")[0].lower() in PULL_FOLDERS

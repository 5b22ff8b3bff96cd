"""A bundle: an OCI image layout in one tar file, with any number of repositories in it.

``scan`` finds what lies where in a tar; ``names`` says which repository and tag an entry of
index.json is for; ``archive`` reads a file in place; ``writing`` makes one, once, from beginning
to end; ``store`` gives each repository the verbs of a store. Nothing is unpacked anywhere.
"""

from lading.stores.bundle.archive import Archive, open_archive
from lading.stores.bundle.store import BundleStore, NewBundleStore
from lading.stores.bundle.writing import NewArchive, new_archive

__all__ = ["Archive", "BundleStore", "NewArchive", "NewBundleStore", "new_archive", "open_archive"]

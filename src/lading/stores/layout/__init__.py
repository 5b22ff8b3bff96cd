"""An OCI image layout: a folder as a store, which other tools read and write too.

``index`` is what index.json says, as a value; ``folder`` its lock and its files, replaced
whole; ``blobs`` the content; ``collect`` what may go; ``store`` the verbs. What a model is,
is not known here.
"""

from lading.stores.layout.store import LayoutStore

__all__ = ["LayoutStore"]

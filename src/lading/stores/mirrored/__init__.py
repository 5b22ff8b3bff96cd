"""A registry with mirrors, as one store: who is asked when, and whom to believe."""

from lading.stores.mirrored.store import MirroredStore

__all__ = ["MirroredStore"]

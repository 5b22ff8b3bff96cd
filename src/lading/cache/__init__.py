"""What was pulled, kept on this machine: safe to delete at any time, in whole or in part.

Manifests and documents as blobs, layers as unpacked trees with their frames, read-only
snapshots made of them, and what references meant when they were last asked for. Shows its
files as tar layers again when a registry is down. Never the network.
"""

from lading.cache.cache import Cache
from lading.cache.entry import CacheEntry, Remembered

__all__ = ["Cache", "CacheEntry", "Remembered"]

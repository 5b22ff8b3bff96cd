"""Save and load for each ML framework, one file each.

A framework is imported only inside the functions that use it, when they are used. The room knows
folders and objects: no registry, no document, and nothing of what a version is.
"""

from lading.frameworks.adapter import Adapter, LoadOptions, Saved, SaveOptions
from lading.frameworks.registry import adapter_for, adapters, framework_roots, register

__all__ = [
    "Adapter",
    "LoadOptions",
    "SaveOptions",
    "Saved",
    "adapter_for",
    "adapters",
    "framework_roots",
    "register",
]

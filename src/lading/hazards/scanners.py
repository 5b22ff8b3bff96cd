"""What other scanners know to do harm, asked one name at a time through what they publish.

Lading keeps no list of its own of that. fickling can only make a verdict worse, so that ``clean``
does not depend on what is installed.
"""

from __future__ import annotations

import io
import struct
from functools import cache, lru_cache

from lading.hazards.honest import harmless
from lading.hazards.signs import Global


@lru_cache(4096)
def harmful(name: Global) -> str | None:
    """Who says that this does harm."""
    if len(name.module) > 1000 or len(name.name) > 1000:
        return None
    from picklescan.scanner import SafetyLevel, scan_pickle_bytes

    result = scan_pickle_bytes(io.BytesIO(_pickle_of(name)), "")
    if any(item.safety is SafetyLevel.Dangerous for item in result.globals):
        return "picklescan"
    if harmless(name) is None and _fickling_objects(name):
        return "fickling"
    return None


def _pickle_of(name: Global) -> bytes:
    """A pickle that imports this name and does nothing else; it is read, never loaded."""
    texts = [text.encode("utf-8", "surrogatepass") for text in (name.module, name.name)]
    return (
        b"\x80\x04"
        + b"".join(b"X" + struct.pack("<I", len(text)) + text for text in texts)
        + b"\x93."
    )


def _fickling_objects(name: Global) -> bool:
    if not (name.module.isascii() and name.name.isascii()):
        return False
    try:
        from fickling.analysis import Analyzer, Severity, UnsafeImports, UnsafeImportsML
        from fickling.fickle import Pickled
    except ImportError:
        return False
    analyzer = _fickling_analyzer(Analyzer, UnsafeImports, UnsafeImportsML)
    try:
        results = analyzer.analyze(Pickled.load(_pickle_of(name)))
    except (ValueError, SyntaxError, IndexError, KeyError, TypeError, AttributeError):
        return False  # a name that it cannot read stays unknown, and therefore suspicious
    return bool(results.severity >= Severity.LIKELY_OVERTLY_MALICIOUS)


@cache
def _fickling_analyzer(analyzer: type, *analyses: type):  # type: ignore[no-untyped-def]  # fickling's
    return analyzer(kind() for kind in analyses)


def scanner() -> str:
    """Who looked, for the record."""
    from importlib.metadata import PackageNotFoundError, version

    import lading

    names = [f"lading {lading.__version__}"]
    for package in ("picklescan", "fickling"):
        try:
            names.append(f"{package} {version(package)}")
        except PackageNotFoundError:  # fickling is an extra
            continue
    return ", ".join(names)

"""What the names that a pickle or a schema imports mean.

Three questions, in this order: is it known to do harm (:mod:`lading.hazards.scanners`), is it known
as a part of honest models (:mod:`lading.hazards.honest`), or is it unknown? What honest models hold
is suspicious, too, where it is used as they never do.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from lading.hazards.findings import DANGEROUS, SUSPICIOUS, Severity
from lading.hazards.honest import CALLS_ITS_ARGUMENT, CONTAINERS, UNSEEN, harmless
from lading.hazards.scanners import harmful
from lading.hazards.signs import WRAPPER, Global, Use, Way

_RANK: Final = {Way.REFER: 0, Way.MAKE: 1, Way.CALL: 2}


class Judgement(NamedTuple):
    """Why something was found."""

    what: str
    severity: Severity
    why: str


def judge(use: Use, protocol: int) -> Judgement | None:
    """What there is to say against one use of one name; None where nothing is."""
    if use.what is None:
        return _nameless(use.way)
    name = _renamed(use.what, protocol)
    most = harmless(name)
    if why := UNSEEN.get(str(name)):
        return Judgement(str(name), SUSPICIOUS, why)
    danger = harmful(name) or harmful(use.what)
    if danger and (most is None or danger == "picklescan"):
        return Judgement(str(name), DANGEROUS, f"{danger} knows it to run code or touch files")
    if most is None:
        why = f"it {use.way.value} what no known model format needs"
        return Judgement(str(name), SUSPICIOUS, why)
    return _misused(name, use, most)


def _misused(name: Global, use: Use, most: Way) -> Judgement | None:
    """What honest models hold can still be used as they never do."""
    if use.way is Way.ALTER:
        return Judgement(str(name), SUSPICIOUS, "it changes what it imports")
    if use.way is Way.FILL:
        known = name.module in CONTAINERS or str(name) in CONTAINERS
        why = "it puts items into what is no container, which calls its methods"
        return None if known else Judgement(str(name), SUSPICIOUS, why)
    if _RANK[use.way] > _RANK[most]:
        why = f"it {use.way.value} what honest pickles only {_verb(most)}"
        return Judgement(str(name), SUSPICIOUS, why)
    return _arguments(name, use) if use.way is Way.CALL else None


def _nameless(way: Way) -> Judgement:
    if way is Way.UNKNOWN:
        return Judgement(
            "an import without a name", SUSPICIOUS, "what is imported is made up while it loads"
        )
    return Judgement(
        "a call without a name", SUSPICIOUS, f"it {way.value} something that another call made"
    )


def _verb(most: Way) -> str:
    return "refer to" if most is Way.REFER else "make without calling it"


def _arguments(name: Global, use: Use) -> Judgement | None:
    """Some makers call what they are given: then that must be harmless to call, too."""
    if WRAPPER in use.arguments:
        return Judgement(str(WRAPPER), SUSPICIOUS, "it is made in a way that joblib never does")
    place = CALLS_ITS_ARGUMENT.get(str(name))
    if place is None or len(use.arguments) <= place:
        return None
    inner = use.arguments[place]
    if inner is True:
        return Judgement(str(name), SUSPICIOUS, "it calls something that another call made")
    if isinstance(inner, Global) and harmless(_renamed(inner, 0)) is not Way.CALL:
        return Judgement(str(name), SUSPICIOUS, f"it calls {inner}")
    return None


def _renamed(name: Global, protocol: int) -> Global:
    """The name in Python 3 of what a pickle of Python 2 says."""
    if protocol >= 3:
        return name
    import _compat_pickle  # where pickle itself keeps these

    pair = _compat_pickle.NAME_MAPPING.get((name.module, name.name))
    if pair:
        return Global(*pair)
    return Global(_compat_pickle.IMPORT_MAPPING.get(name.module, name.module), name.name)

"""Secrets, taken out of what trackers recorded: passwords, tokens and signed addresses.

People hand them to trackers by accident, as parameters, tags and words of a command line, and a
version is read by more people than the tracker is. What is here errs on the side of hiding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

HIDDEN: Final = "…"
_NAME: Final = (
    r"(?:password|passwd|passphrase|pwd|secret|credential|authorization|token(?!i[sz])"
    r"|api[ _.-]?key|private[ _.-]?key|access[ _.-]?key)"
)
_SECRET: Final = re.compile(_NAME, re.IGNORECASE)
_OTHER_THAN_TOKEN: Final = re.compile(_NAME.replace("|token(?!i[sz])", ""), re.IGNORECASE)
# What language models call tokens: pieces of text, their numbers, how many of them there are.
_PIECE_OF_TEXT: Final = re.compile(
    r"(?:bos|eos|pad|unk|sep|cls|mask|stop|image|special)[ _.-]?tokens?(?:[ _.-]?ids?)?\Z",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"-?[0-9][0-9._]{0,30}\Z", re.ASCII)

# A value as shells, JSON and Python write one; possessive, so that no text takes long.
_VALUE: Final = r"""(?:"(?:\\.|[^"\\])*+"|'[^']*+'|\\.|\S)++"""
_NAMED: Final = re.compile(
    rf"""({_NAME}[\w.-]{{0,64}}+[\]"'\\]{{0,4}}\s{{0,3}}[=:]\s{{0,3}})({_VALUE})""",
    re.IGNORECASE | re.DOTALL,
)
_OPTION: Final = re.compile(
    rf"(?<![\w-])(--?[\w.-]{{0,64}}?{_NAME}[\w.-]{{0,64}}+\s+)(?!--)({_VALUE})",
    re.IGNORECASE | re.DOTALL,
)
_SCHEME_OF_HEADER: Final = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
_BEFORE: Final = re.compile(r"[\w.-]{0,32}\Z")

_ADDRESS: Final = re.compile(r"([a-zA-Z0-9+.-]{1,16})://(\S*)", re.ASCII)
_HOST: Final = re.compile(r"(?:[\w.${}*-]*|\[[0-9a-fA-F:.]+\])(?::[0-9]*)?")
_END_OF_PATH: Final = re.compile(r"[?#]")
_END_OF_HOST: Final = re.compile(r"[/?#\\]")
# abfss://container@account: what stands before the @ is a place, no person.
_PLACES: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})

_ASSIGNED: Final = rf"[A-Za-z_]\w{{0,64}}=(?:{_VALUE})?"
_PREFIXES: Final = re.compile(
    rf"((?:\A|[;&|(\n]|\b(?:env|export|set)\s)\s*)((?:{_ASSIGNED}(?:\s+|\Z))+)", re.DOTALL
)
_PREFIX: Final = re.compile(rf"([A-Za-z_]\w{{0,64}}=){_VALUE}", re.DOTALL)
# Inside quotes a prefix is known by its capitals alone.
_CAPITALS: Final = re.compile(rf"(?<![\w.-])([A-Z_][A-Z0-9_]{{0,64}}=){_VALUE}", re.DOTALL)
_SHORT_OPTION: Final = re.compile(rf"(?<!\S)(-p[\s=]*)(?!-)({_VALUE})", re.DOTALL)
_USER_OPTION: Final = re.compile(r"(?<!\S)(-u\s*|--(?:proxy-)?user[\s=]+)\S*:\S*")


def is_secret(name: str, value: Any = None) -> bool:
    """Whether a value of that name has to be taken for a secret.

    The tokens of language models are none: neither how many there are, nor what they are called.
    """
    if not _SECRET.search(name):
        return False
    if _OTHER_THAN_TOKEN.search(name):
        return True
    counted = "tokens" in name.lower() and _is_number(value)
    return not (counted or isinstance(value, bool) or _PIECE_OF_TEXT.search(name))


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.match(value) is not None
    return isinstance(value, (int, float))


def without_secrets(text: str) -> str:
    """Text without what follows the name of a secret, and with addresses that anybody may read."""
    if "://" in text:
        text = _ADDRESS.sub(lambda match: f"{match[1]}://{_public(match[1], match[2])}", text)
    text = _SCHEME_OF_HEADER.sub(rf"\1 {HIDDEN}", text)
    if _SECRET.search(text):
        text = _NAMED.sub(_hidden, text)
        text = _OPTION.sub(_hidden, text)
    return text


def command_without_secrets(command: str) -> str:
    """A command line without secrets: whatever variables were set for it count as some."""
    command = _PREFIXES.sub(
        lambda match: match[1] + _PREFIX.sub(rf"\1{HIDDEN}", match[2]), without_secrets(command)
    )
    for pattern in (_CAPITALS, _SHORT_OPTION):
        command = pattern.sub(rf"\1{HIDDEN}", command)
    return _USER_OPTION.sub(rf"\1{HIDDEN}", command)


def value_without_secrets(value: Any, leave_out: Callable[[str], None]) -> Any:
    """A value of JSON without secrets, the names of which are said; it is not nested deeply."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, (list, tuple)):
        return [value_without_secrets(part, leave_out) for part in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, part in value.items():
        name = str(key)
        if is_secret(name, part):
            leave_out(name)
        else:
            kept[without_secrets(name)] = value_without_secrets(part, leave_out)
    return kept


def _hidden(match: re.Match[str]) -> str:
    before = _BEFORE.search(match.string, max(0, match.start() - 32), match.start())
    name = (before[0] if before else "") + match[1].rstrip(" \t\r\n=:]\"'\\")
    secret = is_secret(name, match[2].rstrip("\"',;})]"))
    return f"{match[1]}{HIDDEN}" if secret else match[0]


def _public(scheme: str, rest: str) -> str:
    """What follows ``://``, without a person, a query and a fragment."""
    host = _END_OF_HOST.split(rest, maxsplit=1)[0]
    if scheme.lower() in _PLACES and host.count("@") == 1 and ":" not in host.partition("@")[0]:
        return _END_OF_PATH.split(rest, maxsplit=1)[0]
    if "@" in host or (":" in host and "@" in rest):
        # A password may hold a slash or a question mark that nobody escaped.
        rest = rest.rpartition("@")[2]
    place = _END_OF_PATH.split(rest, maxsplit=1)[0]
    host = _END_OF_HOST.split(place, maxsplit=1)[0]
    return place if _HOST.fullmatch(host) else HIDDEN

"""A small reader of systemd's unit files, and of what Podman takes from those of containers.

Sections, lines that go on, specifiers, words with quotes, and variables, as systemd.syntax(7),
systemd.unit(5) and systemd.service(5) say; it knows no values of specifiers and no variables, so
that whatever would be expanded is an error.
"""

from __future__ import annotations

import re

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "s": " "}


class Expanded(Exception):
    """Something in a value would not be taken as it stands."""


def sections(text: str) -> dict[str, list[tuple[str, str]]]:
    """Each section's assignments, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] | None = None
    for line in text.replace("\\\n", " ").split("\n"):
        plain = line.strip(" \t\r")
        if not plain or plain[0] in "#;":
            continue
        if head := re.fullmatch(r"\[([^\[\]]+)\]", plain):
            current = found.setdefault(head[1], [])
            continue
        key, equals, value = plain.partition("=")
        if current is None or not equals or not re.fullmatch(r"[A-Za-z]+", key):
            raise Expanded(f"no assignment: {line!r}")
        current.append((key, value))
    return found


def specified(value: str) -> str:
    """A value as it is when systemd has put in what stands behind its specifiers."""
    if re.sub("%%", "", value).count("%"):
        raise Expanded(value)
    return value.replace("%%", "%")


def words(value: str) -> list[str]:
    """The words of a command, or of a list of settings."""
    found: list[str] = []
    word, quote, position = None, "", 0
    value = specified(value)
    while position < len(value):
        mark = value[position]
        position += 1
        if mark == "\\":
            taken, position = _unescaped(value, position)
            word = (word or "") + taken
        elif quote and mark == quote:
            quote = ""
        elif not quote and mark in "\"'":
            quote, word = mark, word or ""
        elif not quote and mark in " \t\n\r":
            found += [word] if word is not None else []
            word = None
        else:
            word = (word or "") + mark
    if quote:
        raise Expanded(value)
    return [_substituted(each) for each in (*found, *([word] if word is not None else []))]


def _unescaped(value: str, at: int) -> tuple[str, int]:
    mark = value[at : at + 1]
    if mark in ("x", "U"):
        end = at + (3 if mark == "x" else 9)
        return chr(int(value[at + 1 : end], 16)), end
    if mark in _ESCAPES:
        return _ESCAPES[mark], at + 1
    if mark and mark in "\\\"'":
        return mark, at + 1
    raise Expanded(value)


def _substituted(word: str) -> str:
    """A word of the command that Podman makes of it: systemd looks for variables there."""
    if "$" in word.replace("$$", ""):
        raise Expanded(word)
    return word.replace("$$", "$")

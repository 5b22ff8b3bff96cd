"""The answer to a shell that completes a command line; imported for nothing else.

The shell says what was typed by variables: ``_LADING_LINE`` (up to the cursor) where it runs a
script of ours, else those that Typer's own scripts set. A line of the answer is an offer, for zsh
and fish with a tab and a help text behind it.

Names come from catalogues and folders that others may have written, and what is offered ends on a
command line: only what no shell takes for more than a word is offered at all.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand

from lading.cli.output import escape

# A word in every shell, which none of them expands; with dashes in front, only our own options.
_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:@+,=-]{0,511}", re.ASCII)
_OPTION: Final = re.compile(r"--?[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)
_HELP_LENGTH: Final = 72
# Where readline begins a new word, unless bash says otherwise.
_BREAKS: Final = "\"'@><=;|&(:"


class Offer(NamedTuple):
    """A whole word, and what it means."""

    word: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The words that are complete, without the program's, and the one that is not."""

    words: tuple[str, ...]
    incomplete: str
    # As much of the last as the shell takes for another word, and keeps.
    kept: str = ""


def answered(shell: str, environment: Mapping[str, str], app: typer.Typer) -> str:
    """What to print for a shell; nothing where nothing is known or anything goes wrong."""
    # An older script of zsh runs what it reads.
    if shell == "zsh" and "_LADING_LINE" not in environment:
        return "_files"
    asked = read(shell, environment)
    lines = (_line(shell, asked, offer) for offer in _offers(app, asked))
    return "\n".join(dict.fromkeys(lines))


def read(shell: str, environment: Mapping[str, str]) -> Asked:
    """What the shell asks for."""
    line = environment.get("_LADING_LINE")
    if line is None and shell == "bash":
        words = environment.get("COMP_WORDS", "").split()
        at = environment.get("COMP_CWORD", "")
        number = int(at) if at.isascii() and at.isdigit() and len(at) < 5 else 0
        return Asked(tuple(words[1:number]), "".join(words[number : number + 1]))
    asked, is_quoted = _parsed(line or environment.get("_TYPER_COMPLETE_ARGS", ""))
    if shell != "bash" or is_quoted:
        return asked
    breaks = environment.get("_LADING_BREAKS", _BREAKS)
    at_most = max((asked.incomplete.rfind(each) for each in breaks), default=-1)
    return replace(asked, kept=asked.incomplete[: at_most + 1])


def _parsed(line: str) -> tuple[Asked, bool]:
    """The words of a line as a shell reads them, and whether the last one's quotes are open."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        for word in lexer:
            words.append(word)
    except ValueError as error:  # quotes that are open, or a backslash at the end
        return Asked(tuple(words[1:]), lexer.token), "quotation" in str(error)
    if not line or line[-1].isspace():
        words.append("")
    return Asked(tuple(words[1:-1]), words[-1]), False


def _offers(app: typer.Typer, asked: Asked) -> Iterator[Offer]:
    """What fits, and is safe to be on a command line."""
    # --option=VALUE is one word, of which only the value is completed.
    name, equals, _ = asked.incomplete.partition("=")
    head = name + equals if equals and name.startswith("-") else ""
    for item in _items(app, asked):
        word = str(item.value)
        is_option = asked.incomplete.startswith("-") and not head and _OPTION.fullmatch(word)
        if is_option or _WORD.fullmatch(word):
            yield Offer(head + word, _shortened(str(item.help or "")))


def _items(app: typer.Typer, asked: Asked) -> list[Any]:
    # Callbacks of options run although nothing is meant to happen, and may talk.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        logging.disable()
        try:
            return list(_shells(app).get_completions(list(asked.words), asked.incomplete))
        # A bug, a broken setting, a half-typed line: nobody wants to read of it at a prompt.
        except Exception:  # noqa: BLE001  the door of this way in
            return []
        finally:
            logging.disable(logging.NOTSET)


def _shells(app: typer.Typer) -> Any:
    """Click's own way from words to what they ask for, from wherever Typer has click."""
    core = next(each for each in TyperCommand.__mro__ if each.__name__ == "Command").__module__
    base = import_module(core.removesuffix("core") + "shell_completion").ShellComplete
    # Of what a shell of click's does, only to find is asked for.
    finder = type("Finder", (base,), dict.fromkeys(getattr(base, "__abstractmethods__", ())))
    return finder(typer.main.get_command(app), {}, "lading", "_LADING_COMPLETE")


def _line(shell: str, asked: Asked, offer: Offer) -> str:
    if shell == "bash":
        return offer.word.removeprefix(asked.kept)
    return f"{offer.word}\t{offer.help}" if offer.help else offer.word


def _shortened(text: str) -> str:
    """The first sentence, or as much of it as fits."""
    whole = escape(" ".join(text.split())).replace("...", "…")
    first = whole.partition(". ")[0].removesuffix(".")
    return first if len(first) <= _HELP_LENGTH else first[: _HELP_LENGTH - 1].rstrip() + "…"

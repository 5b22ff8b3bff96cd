"""Text into tokens, each with its place, so that every refusal can point at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from lading.errors import InvalidInput

# Longer than anything a person writes; short enough to be read at once.
LONGEST: Final = 8 * 1024
_LONGEST_NUMBER: Final = 40

Kind = Literal["word", "name", "text", "number", "operator", "mark", "end"]

# Parts of names may hold what other tools write in the names of metrics: auc@test, val/loss,
# auc-pr. There is no arithmetic that this could be mistaken for.
WORD: Final = re.compile(r"[^\W\d][\w@/:-]*")
NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<word>[^\W\d][\w@/:-]*)
      | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<operator><=|>=|<>|!=|==|=|<|>)
      | (?P<mark>[().,\[\]])
      | '(?P<text>(?:[^']|'')*)'
      | "(?P<either>(?:[^"]|"")*)"
      | `(?P<name>(?:[^`]|``)*)`
    )""",
    re.VERBOSE,
)
_SPACE: Final = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted name or text, a number, an operator or a mark."""

    kind: Kind
    # What it says: without its quotes, and doubled quotes are one.
    text: str
    at: int
    # Double quotes hold text where a value stands, and a name where a name stands.
    either: bool = False

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords, in any case."""
        return self.kind == "word" and self.text.upper() in words

    def is_mark(self, mark: str) -> bool:
        """Whether it is this mark."""
        return self.kind == "mark" and self.text == mark


def tokens(text: str) -> list[Token]:
    """The tokens of a text, an end included.

    Raises:
        InvalidInput: it is too long, or holds what is no token; says where.
    """
    if len(text) > LONGEST:
        raise InvalidInput(
            "the expression is too long",
            cause=f"{len(text):,} characters, at most {LONGEST:,} are read",
        )
    found: list[Token] = []
    at = 0
    while match := _TOKEN.match(text, at):
        found.append(_token(text, match))
        at = match.end()
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
    if at < len(text):
        _refuse_character(text, at)
    return [*found, Token("end", "", at)]


def refuse(text: str, token: Token, expected: str, hint: str | None = None) -> NoReturn:
    """Say where a text goes wrong, and what was expected there.

    Raises:
        InvalidInput: always.
    """
    rest = " ".join(text[token.at : token.at + 40].split())
    place = "at the end" if token.kind == "end" else f"at character {token.at + 1}, {rest}"
    raise InvalidInput(
        f"not an expression: {shortened(text)}", cause=f"{place}: expected {expected}", hint=hint
    )


def shortened(text: str) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(text[:200].split())
    if not line:
        return "there is nothing in it"
    return line if len(line) <= 80 and len(text) <= 200 else f"{line[:80]}…"


def _token(text: str, match: re.Match[str]) -> Token:
    group = str(match.lastgroup)
    said = match[group]
    if group == "word":
        return Token("word", said, match.start(group))
    if group == "number":
        token = Token("number", said, match.start(group))
        if len(said) > _LONGEST_NUMBER:
            refuse(text, token, "a number of at most 40 digits")
        return token
    if group == "operator":
        return Token("operator", {"==": "=", "<>": "!="}.get(said, said), match.start(group))
    if group == "mark":
        return Token("mark", said, match.start(group))
    quote = match[0][-1]
    kind: Kind = "name" if group == "name" else "text"
    unquoted = said.replace(quote * 2, quote)
    return Token(kind, unquoted, match.start(group) - 1, either=group == "either")


def _refuse_character(text: str, at: int) -> NoReturn:
    token = Token("mark", text[at], at)
    if text[at] in "'\"`":
        refuse(text, token, f"a closing {text[at]}", "a quote inside quotes is written twice")
    refuse(
        text,
        token,
        "a name, a value, AND, OR or NOT",
        'other names go in backticks, as in metrics.`top 5`; text goes in quotes, as in "risk"',
    )

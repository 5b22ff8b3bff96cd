"""A reader of YAML 1.2, for the texts that are written here: its core schema, and JSON's escapes.

There is none among the tests' packages. What stands where is PyYAML's to find; which plain word is
text, a number or a truth, the tables of the specification decide (10.3.2, "Tag Resolution").
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_CORE = (
    ("null", r"null|Null|NULL|~|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
        r"|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
)


class _Reader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012  as PyYAML has it


for _tag, _pattern, _first in _CORE:
    _Reader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), [*_first, ""]
    )


def _number(reader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(reader.construct_scalar(node))
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _fraction(reader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(
        str(reader.construct_scalar(node)).lower().replace(".inf", "inf").replace(".nan", "nan")
    )


_Reader.add_constructor("tag:yaml.org,2002:int", _number)
_Reader.add_constructor("tag:yaml.org,2002:float", _fraction)


def load_all(text: str) -> list[Any]:
    """The documents in a text."""
    return list(yaml.load_all(text, Loader=_Reader))

"""Documents as YAML that every reader takes the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from lading.deploy.resource import Resource

# Text that nobody's YAML takes for anything else. Readers differ on what is a number or a truth
# (y is true to some, 1e3 is text to PyYAML and a number to Kubernetes): all else is quoted.
_PLAIN: Final = re.compile(
    r"(?:--)?[A-Za-z/][A-Za-z0-9_./@:+-]*|[1-9][0-9]*(?:m|[KMGT]i)", re.ASCII
)
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def write(resources: Iterable[Resource]) -> str:
    """Documents of YAML, one after the other, in the order of their values."""
    return "---\n".join(map(document, resources))


def document(value: Any) -> str:
    """One document of YAML."""
    import yaml

    text: str = yaml.dump(
        value,
        Dumper=_dumper(),
        sort_keys=False,
        default_flow_style=False,
        width=2**31,
        allow_unicode=False,
    )
    return text


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(str, _text)
    return Dumper


def plain(text: str) -> bool:
    """Whether a text needs no quotes, for any reader."""
    if text.endswith(":"):  # a key
        return False
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS


def _text(dumper: Any, text: str) -> Any:
    style = None if plain(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

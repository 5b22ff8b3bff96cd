"""What a document says about a model, for people: sections of a few lines.

The document may be any version's, also a later Lading's or a forged one: nothing in it is trusted
to be of the type that it should be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from lading.cli.output import count, fields
from lading.cli.table import Line, indented, table
from lading.spec import plain
from lading.spec.plain import Fields

_SHOWN = 20
_LONGEST = 200


def sections(document: Fields) -> Iterator[Line]:
    """Each section with its title; what is not known is left out."""
    parts = {
        "How well it does": _metrics(document),
        "How it was trained": _params(document),
        "What goes in and comes out": _signature(document),
        "What it is made of": _facts(document),
        "What it needs": _environment(document),
        "Where it comes from": _lineage(document),
    }
    for title, lines in parts.items():
        shown = list(lines)
        if shown:
            yield ""
            yield title
            yield from indented(shown)


def _metrics(document: Fields) -> Iterator[Line]:
    rows = [
        (
            _words(metric.get("name")),
            _words(metric.get("value")),
            _words(metric.get("split")),
            _words(metric.get("dataset")),
        )
        for metric in plain.tables(document.get("metrics"))
    ]
    if rows:
        yield table(("METRIC", "VALUE", "SPLIT", "DATASET"), rows[:_SHOWN])
        yield from _more(len(rows), "metric")


def _params(document: Fields) -> Iterator[Line]:
    params = plain.table(document.get("params"))
    rows = [(name, _value(value)) for name, value in params.items()]
    if rows:
        yield table(("PARAMETER", "VALUE"), rows[:_SHOWN])
        yield from _more(len(rows), "parameter")


def _value(value: object) -> str:
    """A parameter as it was given: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _signature(document: Fields) -> Iterator[Line]:
    signature = plain.table(document.get("signature"))
    rows = [
        (way, _words(field.get("name")) or "-", _type(field))
        for way, name in (("in", "inputs"), ("out", "outputs"), ("param", "params"))
        for field in plain.tables(signature.get(name))
    ]
    if rows:
        yield table(("", "NAME", "TYPE"), rows[:_SHOWN])
        yield from _more(len(rows), "field")


def _type(field: Fields) -> str:
    """``float32[-1, 3]``, ``string or null``, ``one of "a", "b"``."""
    text = _words(field.get("dtype")) or _words(field.get("kind"))
    shape = field.get("shape")
    if isinstance(shape, list):
        text += f"[{', '.join(map(_words, shape))}]"
    if values := field.get("enum"):
        text += f", one of {_words(values)}"
    if field.get("nullable") is True:
        text += " or null"
    return text if field.get("required", True) else f"{text}, may be left out"


def _facts(document: Fields) -> Iterator[str]:
    facts = plain.table(document.get("facts"))
    framework = plain.table(document.get("framework"))
    hazards = plain.table(document.get("hazards"))
    parameters = facts.get("parameters")
    rows = [
        ("framework", _words([framework.get("name"), framework.get("version")], " ")),
        ("class", _words(framework.get("class_name"))),
        ("architecture", _words(facts.get("architecture"))),
        ("parameters", f"{parameters:,}" if isinstance(parameters, int) else ""),
        ("precision", _words(facts.get("precision"))),
        ("quantisation", _words(facts.get("quantization"))),
        ("context", _words(facts.get("context_length"))),
        ("scan", _scan(hazards)),
    ]
    yield from fields([(name, text) for name, text in rows if text])


def _scan(hazards: Fields) -> str:
    findings = plain.tables(hazards.get("findings"))
    text = _words(hazards.get("verdict"))
    return f"{text}: {_words(findings[0].get('what'))}" if text and findings else text


def _environment(document: Fields) -> Iterator[str]:
    environment = plain.table(document.get("environment"))
    direct = set(plain.texts(environment.get("direct")))
    pins = plain.texts(environment.get("requirements"))
    lock = plain.table(environment.get("lock"))
    accelerator = plain.table(environment.get("accelerator"))
    host = plain.table(environment.get("platform"))
    named = [pin for pin in pins if pin.partition("==")[0] in direct]
    others = len(pins) - len(named)
    packages = ", ".join(named) + (f" and {others} more" if named and others else "")
    rows = [
        ("python", _words(plain.table(environment.get("python")).get("version"))),
        ("packages", packages or (count(len(pins), "package") if pins else "")),
        ("lock", _words(lock.get("path"))),
        ("platform", _words([host.get("system"), host.get("machine"), host.get("libc")], " ")),
        ("accelerator", _words([accelerator.get("kind"), accelerator.get("runtime")], " ")),
    ]
    yield from fields([(name, text) for name, text in rows if text])


def _lineage(document: Fields) -> Iterator[str]:
    lineage = plain.table(document.get("lineage"))
    code = plain.table(lineage.get("code"))
    training = plain.table(lineage.get("training"))
    dirty = " and changes that were not committed" if code.get("dirty") is True else ""
    rows = [
        ("repository", _words(code.get("repository"))),
        ("commit", _words(code.get("commit")) + dirty if code.get("commit") else ""),
        ("trained by", _words(training.get("command") or training.get("script"))),
    ]
    rows += [
        ("parent", _words([parent.get("reference"), parent.get("digest")], " "))
        for parent in plain.tables(lineage.get("parents"))[:_SHOWN]
    ]
    rows += [("data", _data(data)) for data in plain.tables(lineage.get("datasets"))[:_SHOWN]]
    rows += [
        ("run", _words([run.get("tracker"), run.get("id"), run.get("name")], " "))
        for run in plain.tables(lineage.get("runs"))[:_SHOWN]
    ]
    yield from fields([(name, text) for name, text in rows if text])


def _data(data: Fields) -> str:
    split = _words(data.get("split"))
    where = _words([data.get("uri") or data.get("name"), data.get("digest")], " ")
    return f"{where} ({split})" if split else where


def _words(value: object, between: str = ", ") -> str:
    """A value for people; empty where there is none."""
    if isinstance(value, list):
        return between.join(filter(None, (_words(part) for part in value)))
    return str(value) if isinstance(value, (str, int, float)) else ""


def _more(number: int, what: str) -> Iterator[str]:
    if number > _SHOWN:
        yield f"and {count(number - _SHOWN, what)} more (--json shows all)"

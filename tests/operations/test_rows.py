"""What an expression can hold for, told before everything was read."""

from __future__ import annotations

from expressions.conditions import VALUES, conditions
from hypothesis import given
from hypothesis import strategies as st

from lading.expressions import Expression, Name, compiled, parse
from lading.expressions.values import Value
from lading.operations.searching.rows import is_measured, supposing

_READ = [Name.of("tags", "a"), Name.of("name")]
_UNREAD = [Name.of("metrics", "auc"), Name.of("evaluation", "auc")]
_CONDITIONS = conditions(st.sampled_from([*_READ, *_UNREAD]))
_SAID = st.fixed_dictionaries(dict.fromkeys(_READ, VALUES))
_LATER = st.fixed_dictionaries(dict.fromkeys(_UNREAD, VALUES))

Said = dict[Name, Value | None]


def supposed(expression: Expression, said: Said, *, best: bool) -> bool:
    return compiled(supposing(expression, is_measured, best=best))(said.get) is True


@given(_CONDITIONS, _SAID, _LATER)
def test_what_may_not_hold_never_does_and_what_must_always_does(
    expression: Expression, said: Said, later: Said
) -> None:
    holds = compiled(expression)((said | later).get) is True

    may = supposed(expression, said, best=True)
    must = supposed(expression, said, best=False)

    assert must <= holds <= may


@given(_SAID)
def test_what_was_read_is_told_to_the_end(said: Said) -> None:
    def told(text: str) -> tuple[bool, bool]:
        expression = parse(text)
        return supposed(expression, said, best=True), supposed(expression, said, best=False)

    has_a = said[_READ[0]] not in (None, ())

    assert told("metrics.auc > 0.5") == told("NOT metrics.auc IS NULL") == (True, False)
    assert told("tags.a IS NOT NULL AND metrics.auc > 0.5") == (has_a, False)
    assert told("tags.a IS NOT NULL OR NOT metrics.auc > 0.5") == (True, has_a)
    # What is missing stays missing, whatever stands beside it.
    assert told("NOT (tags.zzz = 'x' OR metrics.auc > 0.5)") == (False, False)

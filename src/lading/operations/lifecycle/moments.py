"""Dates and moments as people write them; all in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from lading.errors import InvalidInput
from lading.spec.event import YEARS, moment

_HINT = "2026-05-03, or 2026-05-03T14:00:00Z"


def stretch_of(text: str) -> tuple[datetime, datetime]:
    """What a date or a moment means: a whole day, or that very moment twice.

    Raises:
        InvalidInput: it is neither, or in no year from 1970 to 2999.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            at = moment(text)
        except InvalidInput as error:
            raise InvalidInput(
                f"not a date: {text[:40]!r}", cause=error.cause, hint=_HINT
            ) from error
        return at, at
    if day.year not in YEARS:
        years = f"its year is not {YEARS[0]} to {YEARS[-1]}"
        raise InvalidInput(f"not a date: {text[:40]!r}", cause=years, hint=_HINT)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1) - timedelta(microseconds=1)


def end_of(text: str) -> datetime:
    """The last moment of a date, or the moment itself.

    Raises:
        InvalidInput: it is neither.
    """
    return stretch_of(text)[1]

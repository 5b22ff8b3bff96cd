"""Which format a file has: told by its name, or by who asks; and what it must not begin with."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final, Literal, cast, get_args

from lading.errors import InvalidInput

Format = Literal["csv", "json", "jsonl", "parquet"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)
_ENDINGS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
# What files begin with that are no text, and what to do about it.
_MAGIC: Final = (
    (b"\x1f\x8b", "it is compressed by gzip", "gunzip -c FILE | lading predict … --input -"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd", "zstd -dc FILE | lading predict … --input -"),
    (b"BZh", "it is compressed by bzip2", "bunzip2 -c FILE | lading predict … --input -"),
    (b"PK\x03\x04", "it is a zip archive, or a spreadsheet", "save the sheet as CSV"),
    (b"PAR1", "it is Parquet", "--format parquet"),
    (b"ARROW1", "it is Arrow's own format", "save it as Parquet"),
    (b"\xff\xfe", "it is UTF-16", "iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "it is UTF-16", "iconv -f UTF-16 -t UTF-8"),
)
LONGEST_MAGIC: Final = 6


def format_of(name: str, said: str | None, option: str) -> Format:
    """The format of a file; ``-`` has none but the one that is said.

    Raises:
        InvalidInput: nobody can tell, or it is none of those that there are.
    """
    if said is not None:
        if said not in FORMATS:
            raise InvalidInput(f"{option} {said[:40]!r} is no format", hint=", ".join(FORMATS))
        return cast(Format, said)
    found = _ENDINGS.get(PurePath(name).suffix.lower())
    if found is None:
        raise InvalidInput(
            f"it cannot be told which format {name} has", hint=f"{option} {'|'.join(FORMATS)}"
        )
    return found


def delimiter_of(name: str, said: str | None) -> str:
    """What stands between the cells of a CSV file.

    Raises:
        InvalidInput: what is said is not one character, or one that has another meaning.
    """
    if said is None:
        return "\t" if PurePath(name).suffix.lower() == ".tsv" else ","
    said = "\t" if said == "\\t" else said
    if len(said) != 1 or said in '"\r\n' or not said.isascii():
        raise InvalidInput(f"{said[:40]!r} cannot stand between cells", hint="one of , ; | or \\t")
    return said


def demand_text(head: bytes, source: str) -> None:
    """Refuse what is no text, by its first bytes.

    Raises:
        InvalidInput: it is something else that is known.
    """
    for magic, what, hint in _MAGIC:
        if head.startswith(magic):
            raise InvalidInput(f"{source} is not what its format says", cause=what, hint=hint)

"""``lading predict``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from lading.cli import offers
from lading.cli.console import Console, leave_quietly
from lading.cli.loading import Adapter, AllowPickle, Device, ModelOrFolder, Trusted
from lading.cli.options import examples
from lading.cli.output import count, duration, short
from lading.cli.warned import warned
from lading.errors import InvalidInput
from lading.operations import predict as operation

if TYPE_CHECKING:
    from lading.serving.batch.run import Step

_FILES = "Files"
_ROWS = "Rows"
_FORMATS = ("csv", "json", "jsonl", "parquet")

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "lading predict ml/fraud:1.2.0 --input rows.csv --output scored.csv",
        "lading predict ml/fraud:prod -i rows.parquet -o scored.parquet --on-error null",
        "cat rows.jsonl | lading predict ./model -i - --format jsonl -o - --no-inputs",
    )
)
def predict(
    context: typer.Context,
    reference: ModelOrFolder,
    *,
    given: Annotated[
        str,
        typer.Option(
            "--input", "-i", metavar="FILE", help="Rows; - for stdin.", show_default=False
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Predictions; - for stdout. Gets its name when it is whole.",
            show_default=False,
        ),
    ],
    input_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="csv, json, jsonl or parquet, where the name does not tell.",
            show_default=False,
            autocompletion=offers.one_of(*_FORMATS),
            rich_help_panel=_FILES,
        ),
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option(
            "--output-format",
            metavar="FORMAT",
            help="The same for the output.",
            show_default=False,
            autocompletion=offers.one_of(*_FORMATS),
            rich_help_panel=_FILES,
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter",
            metavar="CHAR",
            help="Between cells of CSV; a comma, and a tab in .tsv.",
            show_default=False,
            rich_help_panel=_FILES,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Write over an output that is there.", rich_help_panel=_FILES),
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Throw away what a broken run left, and begin anew.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    with_inputs: Annotated[
        bool,
        typer.Option(
            "--with-inputs/--no-inputs",
            help="Write rows beside what is predicted for them.",
            rich_help_panel=_ROWS,
        ),
    ] = True,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="Ask with these only: a,b,c; for models that take an array without names.",
            show_default=False,
            rich_help_panel=_ROWS,
        ),
    ] = None,
    on_error: Annotated[
        str,
        typer.Option(
            "--on-error",
            metavar="WORD",
            help="A row that the model does not take: stop there, skip it, or null its prediction.",
            autocompletion=offers.one_of("stop", "skip", "null"),
            rich_help_panel=_ROWS,
        ),
    ] = "stop",
    rejects: Annotated[
        str | None,
        typer.Option(
            "--rejects",
            metavar="FILE",
            help="Such rows as JSON lines: which, why, and what was in it.",
            show_default=False,
            rich_help_panel=_ROWS,
        ),
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size",
            metavar="N",
            min=1,
            help="How many rows the model is asked about at once.",
            rich_help_panel=_ROWS,
        ),
    ] = operation.BATCH,
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    adapter: Adapter = None,
    device: Device = None,
) -> None:
    """Ask a model about every row of a file.

    Columns that the model takes are found by name; others are kept and not asked with. Every row is
    held against the signature. The memory does not grow with the file. A run that broke off goes on
    where it was, when the same is asked again; the output is the same then, byte by byte.
    """
    console = Console.of(context)
    to_stdout = output == "-" or _is_stdout(output)
    if to_stdout and console.json:
        raise InvalidInput(
            "stdout cannot hold both the predictions and the answer", hint="-o FILE, or no --json"
        )
    settings = console.settings()
    with (
        warned(console.warn),
        console.rows() as on_rows,
        ExitStack() as pulling,
        _models_talk_to_stderr() as stdout,
    ):
        on_progress = pulling.enter_context(console.progress())

        def told(step: Step) -> None:
            # One picture at a time: the model is here.
            pulling.close()
            if on_rows is not None:
                on_rows(step)

        try:
            result = operation.predict(
                reference,
                input=_stream(sys.stdin, "stdin") if given == "-" else given,
                output=stdout() if to_stdout else output,
                input_format=input_format,
                output_format=output_format,
                delimiter=delimiter,
                columns=columns.split(",") if columns else None,
                batch_size=batch_size,
                with_inputs=with_inputs,
                on_error=on_error,
                rejects=rejects,
                force=force,
                fresh=fresh,
                allow_pickle=allow_pickle or None,
                trusted=tuple(trusted or ()),
                adapter=adapter,
                device=device,
                settings=settings,
                on_progress=on_progress,
                on_rows=told,
            )
        except BrokenPipeError:
            leave_quietly()
    for line in _lines(result):
        console.say(line)
    if result.rejected:
        where = f"; see {result.rejects}" if result.rejects else ""
        console.warn(f"{count(result.rejected, 'row')} not taken by the model{where}")
    if not to_stdout:
        console.answer_path(result, result.output)


def _is_stdout(output: str) -> bool:
    """Whether a path is another name of the pipe or terminal that stdout is."""
    path = Path(output)
    try:
        named = path.exists() and not path.is_file()
        return named and os.path.samestat(path.stat(), os.fstat(1))
    except (OSError, ValueError):
        return False


@contextmanager
def _models_talk_to_stderr() -> Iterator[Callable[[], BinaryIO]]:
    """Send what models print to stderr; gives what opens the stdout of this command.

    Some print how far they are whenever they are asked, some of them from C: between predictions,
    or before the answer, that would be taken for a part of it.
    """
    if sys.stdout is None:
        yield lambda: _stream(sys.stdout, "stdout")
        return
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no stderr
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        # Not buffered: what a reader did not take is not tried again when this ends.
        yield lambda: os.fdopen(kept, "wb", buffering=0, closefd=False)
    finally:
        _flush_prints()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_prints() -> None:
    """Write what Python and C keep of what was printed, or it would come behind the answer."""
    with suppress(OSError):
        sys.stdout.flush()
    import ctypes

    # Where there is no such function, nothing printed by C is flushed.
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)


def _stream(stream: object, name: str) -> BinaryIO:
    found: BinaryIO | None = getattr(stream, "buffer", None)
    if found is None:
        raise InvalidInput(f"{name} is closed")
    return found


def _lines(result: operation.PredictResult) -> list[str]:
    here = result.rows - result.resumed
    rate = f", {here / result.seconds:,.0f} a second" if result.seconds > 0 else ""
    before = f", {result.resumed:,} of them before" if result.resumed else ""
    lines = [
        f"{result.reference} ({short(result.digest)}): {count(result.rows, 'row')}{before},"
        f" {duration(result.seconds)}{rate}"
    ]
    if result.unused:
        names = ", ".join(result.unused[:8]) + (", …" if len(result.unused) > 8 else "")
        lines.append(f"note: the model was not asked with {names}")
    return lines

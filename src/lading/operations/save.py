"""Save a model object as a version: what the framework writes, and what is known about it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Unpack

from lading.errors import LocalFailure, PolicyRefused
from lading.operations.publishing.captured import Capture
from lading.operations.publishing.declared import current_folder, example_of
from lading.operations.push import PushResult, push
from lading.packing.record import PREDICTIONS_PATH
from lading.spec.plain import plain

if TYPE_CHECKING:
    from lading.frameworks.adapter import Adapter, Saved
    from lading.settings import Settings
    from lading.spec.facts import Hazards
    from lading.spec.reference import Reference
    from lading.spec.version import Bump
    from lading.spec.words import Words
    from lading.transfer import OnProgress

_LAYER: Final = (
    "a Lambda layer is code; write a layer class in a module instead, and register it with"
    " keras.saving.register_keras_serializable"
)
# Answers are kept to be compared, not to be served: more of them would only be carried about.
_LARGEST_ANSWER: Final = 1024 * 1024


def save(
    model: object,
    reference: str | Reference,
    *,
    adapter: str | Adapter | None = None,
    bump: Bump | Literal["auto"] | None = None,
    allow_pickle: bool = False,
    files: Mapping[str, Path] | None = None,
    capture: Capture | None = None,
    strict: bool | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    **words: Unpack[Words],
) -> PushResult:
    """Save a trained model as a version, with everything that can be found out about it.

    The framework is told by the model's class, or by ``adapter``. With ``input_example`` the
    signature is inferred from it and from what the model answers, and the answer is kept, so that
    ``lading reproduce`` can compare. ``files`` adds files of your own, by their path in the
    version. Formats that run code when they are loaded are written only with ``allow_pickle``.

    Raises:
        InvalidInput: no adapter takes the model, or a word is wrong.
        PolicyRefused: only a pickle could hold it, and ``allow_pickle`` is not given.
        Conflict: the version exists with other content.
    """
    from lading.frameworks import SaveOptions, adapter_for
    from lading.frameworks.registry import adapter as by_name

    chosen = by_name(adapter) if isinstance(adapter, str) else adapter or adapter_for(model)
    example = example_of(words)
    with tempfile.TemporaryDirectory(prefix="lading-save-") as name:
        folder = Path(name) / "model"
        folder.mkdir()
        saved = chosen.save(model, folder, SaveOptions(allow_pickle=allow_pickle, example=example))
        _add(files or {}, folder)
        hazards = _scanned(folder)
        known = _known(chosen, model, saved, example, words)
        capture = _with(capture or Capture(), known, saved, hazards)
        result = push(
            folder,
            reference,
            bump=bump,
            capture=capture,
            strict=strict,
            settings=settings,
            on_progress=on_progress,
            **words,
        )
    return replace(result, notes=(*saved.notes, *_strangers(saved), *result.notes))


def _scanned(folder: Path) -> Hazards:
    """What a scan finds in what was written; refused now, where every load would refuse it."""
    from lading.hazards.scan import scan_folder

    found = scan_folder(folder)
    if found.verdict == "dangerous":
        raise PolicyRefused(
            "what was written for this model would never be loaded again",
            cause=", ".join(f"{each.what} in {each.path}" for each in found.findings[:3]),
            hint=_LAYER
            if any(each.what in ("Lambda layer", "__lambda__") for each in found.findings)
            else "put its class and functions into a module that can be imported, or give the"
            " class save and load methods (lading.frameworks.python)",
        )
    return found


def _strangers(saved: Saved) -> tuple[str, ...]:
    if "__main__" not in saved.roots:
        return ()
    return (
        "the model uses names of this notebook or script: it can be loaded only where they are"
        " defined; put them into a module",
    )


def _with(capture: Capture, known: _Known, saved: Saved, hazards: Hazards) -> Capture:
    fields, files, example = known
    return replace(
        capture,
        roots=(*capture.roots, *(root for root in saved.roots if root != "__main__"), *example),
        # Scanned here already: the push need not look again.
        fields={**fields, "hazards": plain(hazards), **capture.fields},
        files={**files, **capture.files},
        # The model was made by the code that runs here, wherever its files lie for now.
        origin=capture.origin or current_folder(),
    )


class _Known(NamedTuple):
    """Fields of the document, files of the version, and what the example is made with."""

    fields: dict[str, Any]
    files: dict[str, bytes]
    roots: tuple[str, ...]


def _known(adapter: Adapter, model: object, saved: Saved, example: object, words: Words) -> _Known:
    """What the object itself tells: its framework, its parameters, its answer to the example."""
    from lading.frameworks.door import predicting

    fields: dict[str, Any] = {
        "framework": {
            "name": adapter.framework,
            "version": saved.framework_version,
            "class_name": saved.class_name,
            "loader": adapter.name,
            "load": dict(saved.how),
        },
        "params": dict(saved.params),
    }
    files: dict[str, bytes] = {}
    if example is not None and not isinstance(example, Path):
        with predicting(adapter.framework):
            answer = adapter.predict(model, example)
        _add_signature(fields, example, answer, words)
        _add_answer(fields, files, answer)
    # Who serves a model that takes data frames needs the library of data frames.
    module = type(example).__module__.partition(".")[0]
    roots = () if example is None or isinstance(example, Path) else (module,)
    return _Known({name: value for name, value in fields.items() if value}, files, roots)


def _add_signature(fields: dict[str, Any], example: object, answer: object, words: Words) -> None:
    from lading.signatures.infer import infer_signature

    if not words.get("signature"):
        fields["signature"] = plain(infer_signature(example, answer))


def _add_answer(fields: dict[str, Any], files: dict[str, bytes], answer: object) -> None:
    from lading.signatures.answers import encode_answer

    raw = encode_answer(answer)
    if len(raw) <= _LARGEST_ANSWER:
        files[PREDICTIONS_PATH] = raw
        fields["input_example"] = {"predictions": PREDICTIONS_PATH}


def _add(files: Mapping[str, Path], folder: Path) -> None:
    """Put a person's own files beside what the framework wrote."""
    import shutil

    for path, source in files.items():
        target = (folder / path).resolve()
        if not target.is_relative_to(folder.resolve()) or target.exists():
            raise LocalFailure(
                f"cannot put {source} at {path!r}",
                cause="the framework wrote that file" if target.exists() else "it leaves the model",
            )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        except OSError as error:
            raise LocalFailure(f"cannot copy {source}", cause=error.strerror) from error

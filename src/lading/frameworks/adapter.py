"""What an adapter is: how the models of one framework go into a folder and come back.

A third party adds a framework in three steps:

1. Write a class with the attributes and methods of :class:`Adapter`. It needs no base class, and is
   made without arguments. ``save`` gets an empty folder, writes below it and nowhere else, and
   tells in :class:`Saved` what ``load`` must know again. ``load`` gets that back as ``how``. The
   folder and ``how`` come out of a registry and may be anybody's: take file names from constants,
   not from ``how``, and refuse with :func:`lading.frameworks.consent.require` whatever would run
   code of the model, unless ``options.allow_pickle`` says that the caller agrees.
2. Name it in the package's metadata, so that whoever installs the package has it::

       [project.entry-points."lading.frameworks"]
       prophet = "lading_prophet:Prophet"

3. Import the framework inside the methods only: an adapter is asked about other people's models.

Two attributes may be there beside the protocol, for who serves models: ``concurrent = True`` says
that ``predict`` may be called from several threads at once, ``by_row = True`` that models answer
each row by itself as a rule. Without them a model is asked by one thread, one request at a time.

In a notebook, :func:`lading.frameworks.register` does instead of step 2; see
``examples/own_adapter.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from lading.spec.part import Json


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """What the caller allows and has at hand."""

    # Whether formats that run code when they are loaded (pickle above all) may be written.
    allow_pickle: bool = False
    # An input, for formats that can only be written by watching the model at work.
    example: object = None


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the caller allows and wants."""

    # Whether loading may run code that came with the model: pickles, custom layers, classes that
    # the document names.
    allow_pickle: bool = False
    # Types that the caller has looked at and takes, by their full name (skops).
    trusted: tuple[str, ...] = ()
    # Where tensors go, as the framework spells it: "cuda:0".
    device: str | None = None
    # What the weights go into where only the caller's code has it: a module to fill, or the class.
    into: object = None
    # The formats that headers told of the version's files, by path, as facts call them. They come
    # from a registry: a path may name no file of the folder, and a format be a lie.
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written, and what loading it takes."""

    # For the adapter itself, when it loads; JSON, and kept in the document.
    how: dict[str, Json]
    # The format of the weights: "skops", "safetensors", "ubj".
    format: str
    class_name: str
    framework_version: str
    # The top modules that loading needs, from which the lock is made.
    roots: tuple[str, ...]
    # Sentences for the person: what was left out, what loading asks for.
    notes: tuple[str, ...] = ()
    # Hyperparameters that the object itself knows.
    params: Mapping[str, Json] = field(default_factory=dict)


class Adapter(Protocol):
    """Saves and loads the models of one framework.

    Every method that gets a folder or data may raise ``InvalidInput`` (this cannot be saved, or
    given), ``PolicyRefused`` (it would run code, and nobody allowed that), ``Unsupported`` (the
    installed framework cannot do it) and ``LocalFailure`` (something is not installed, or the disk
    is in the way).
    """

    @property
    def name(self) -> str:
        """The name that the document keeps and a person chooses: ``sklearn``."""
        ...

    @property
    def framework(self) -> str:
        """The framework, as people and package indexes write it: ``scikit-learn``."""
        ...

    @property
    def distributions(self) -> tuple[str, ...]:
        """The modules whose versions matter, by the name they are imported by; the first must be
        there."""
        ...

    def takes(self, model: object) -> bool:
        """Whether this model is one of the framework's; told by its class, importing nothing."""
        ...

    def save(self, model: Any, folder: Path, options: SaveOptions) -> Saved:
        """Write the model into an empty folder."""
        ...

    def load(self, folder: Path, how: Mapping[str, Json], options: LoadOptions) -> object:
        """The model that was saved there; ``how`` may be empty where nobody saved it by this."""
        ...

    def predict(self, model: Any, data: Any) -> object:
        """What the loaded model answers: an array, or what JSON can write."""
        ...

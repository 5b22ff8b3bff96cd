"""Fill a Dockerfile in. Pure, but for reading the template, which comes with the package.

A template is a Dockerfile as it stands. Filling in gives its arguments other defaults, replaces
lines that begin with ``# lading:``, and leaves out the stages that nobody asked for: the classic
builder builds every stage that stands before the one it is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from lading.errors import LocalFailure
from lading.images.address import MODELS, PORT
from lading.images.recipe import EPOCH, Recipe
from lading.spec.tags import TARGETS, Target

TEMPLATES: Final = ("client", "onnx", "python", "pytorch-cpu", "pytorch-cuda", "tensorflow")

_DIRECTIVE: Final = re.compile(r"# lading: (\w+)(?: (\w+))?\n?")
_ARGUMENT: Final = re.compile(r"ARG (\w+)=.*\n?")
_STEPS: Final = "lading.images.inside.steps"
_LONGEST: Final = 1024


def template(name: str) -> str:
    """The text of a Dockerfile that comes with Lading.

    Raises:
        LocalFailure: this installation has lost its templates.
    """
    file = f"{name}.Dockerfile"
    packed = resources.files("lading").joinpath("dockerfiles", file)
    # In a checkout they lie at the top, where people look for them.
    checkout = Path(__file__).parents[3] / "Dockerfiles" / file
    try:
        return packed.read_text("utf-8") if packed.is_file() else checkout.read_text("utf-8")
    except OSError as error:
        raise LocalFailure(
            f"the template {file} is missing",
            cause=error.strerror,
            hint="install Lading again",
        ) from error


def render(recipe: Recipe, targets: Iterable[Target] = TARGETS) -> str:
    """The Dockerfile that builds these targets of a version; the same recipe is the same text.

    The base is that of the first target.
    """
    wanted = tuple(targets)
    if "serve" in wanted and "runtime" not in wanted:
        wanted = (*wanted, "runtime")  # serve stands on it
    text = "".join(_filled(recipe, wanted, template(recipe.template).splitlines(keepends=True)))
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def quoted(text: str) -> str:
    """A text as one word of a Dockerfile, whatever it holds.

    A document came out of a registry: a line break in it would be an instruction of its own, and a
    dollar sign a variable of the build.
    """
    plain = "".join(char if char.isprintable() else " " for char in text[:_LONGEST])
    escaped = re.sub(r'([\\"$])', r"\\\1", plain)
    return f'"{escaped}"'


def _filled(recipe: Recipe, targets: tuple[Target, ...], lines: Iterable[str]) -> Iterator[str]:
    left_out = False
    arguments = {
        "BASE": recipe.bases[targets[0]],
        "PYTHON": recipe.python,
        "SOURCE_DATE_EPOCH": str(EPOCH),
    }
    for line in lines:
        directive = _DIRECTIVE.fullmatch(line)
        if directive and directive[1] in ("begin", "end"):
            left_out = directive[1] == "begin" and directive[2] not in targets
        elif left_out:
            continue
        elif directive:
            yield from _directed(recipe, directive[1], directive[2], arguments["BASE"])
        elif (argument := _ARGUMENT.fullmatch(line)) and argument[1] in arguments:
            yield f"ARG {argument[1]}={arguments[argument[1]]}\n"
        else:
            yield line


def _directed(recipe: Recipe, word: str, about: str | None, base: str) -> Iterator[str]:
    """The instructions in the place of one line of the template."""
    consent = ["--allow-pickle"] if recipe.allow_pickle else []
    if word == "labels":
        yield from _labels(recipe, about, base)
    elif word == "identity":
        yield f"ENV LADING_MODEL_REFERENCE={quoted(recipe.identity.reference)}\n"
        yield f"ENV LADING_MODEL_DIGEST={quoted(recipe.identity.digest)}\n"
    elif word == "system" and recipe.system:
        packages = " ".join(recipe.system)
        yield f"RUN apt-get update && apt-get install --yes --no-install-recommends {packages} \\\n"
        yield "    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*\n"
    elif word == "loads":
        yield f"RUN {json.dumps(['python', '-m', _STEPS, 'loads', MODELS, *consent])}\n"
    elif word == "command":
        serving = ["serve", MODELS, "--host", "0.0.0.0", "--port", str(PORT), *consent]  # noqa: S104  inside a container
        yield f"CMD {json.dumps(serving)}\n"


def _labels(recipe: Recipe, about: str | None, base: str) -> Iterator[str]:
    target = next(each for each in TARGETS if each == about)
    said = recipe.labels(target, base)
    pairs = [f"{key}={quoted(value)}" for key, value in sorted(said.items())]
    yield "LABEL " + " \\\n      ".join(pairs) + "\n"

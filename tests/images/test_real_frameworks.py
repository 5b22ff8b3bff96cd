"""The templates with the frameworks that they are for: built, looked into, and asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from images.containers import served
from parts.docker_engine import DockerEngine
from parts.package_index import PackageIndex

import lading
from lading.images import render
from lading.operations.image_build import image_build
from lading.operations.image_dockerfile import image_dockerfile
from lading.settings import Settings

pytestmark = pytest.mark.slow

ROWS = [[0.5, 1.5], [2.5, -1.0]]
# What must be in no image, and as whom it runs.
_LOOK = """
import json, os, shutil, sys, sysconfig
from pathlib import Path
site = Path(sysconfig.get_path("purelib"))
print(json.dumps({
    "user": os.getuid(),
    "compilers": [p for p in ("cc", "gcc", "g++", "clang", "ld", "make") if shutil.which(p)],
    "pip": [p.name for p in site.glob("pip*")],
    "caches": [str(p) for p in Path("/").glob("*/.cache")],
    "tests": [str(p) for p in site.glob("*/**/tests") if p.is_dir()],
    "steps": Path("/opt/lading").exists(),
}))
"""


@pytest.fixture
def here(settings: Settings, docker_builder: DockerEngine) -> Settings:
    """Docker, and the index that this machine's pip asks."""
    return replace(settings, builder=docker_builder.url, index_url=None)


@pytest.fixture
def wheels(tmp_path: Path) -> Iterator[PackageIndex]:
    """A second index, with the very PyTorch that is installed: the one for processors has a label.

    It is where pip of this machine found it, which may be no index that a build can reach.
    """
    folder = tmp_path / "wheels"
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*line, f"torch=={version('torch')}"], check=True)
    with PackageIndex(folder) as index:
        yield index


def built(
    reference: str, docker: DockerEngine, settings: Settings, body: object = ROWS
) -> tuple[int, Any]:
    """The size of the image that serves, and what it answers to the rows; looked at closely."""
    (image,) = image_build(reference, allow_pickle=True, settings=settings).images
    alone = ("run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL")
    look = (*alone, "--entrypoint", "python", image.name, "-c", _LOOK)
    found = json.loads(docker.run(*look).stdout)
    assert found == {
        "user": 65532,
        "compilers": [],
        "pip": [],
        "caches": [],
        "tests": [],
        "steps": False,
    }
    assert served(docker, image.name, "/v2/health/ready").startswith("200 ")
    answer = served(docker, image.name, "/predict", json.dumps(body))
    assert answer.startswith("200 "), answer
    print(f"{reference}: {image.size / 1e6:.0f} MB, {len(image.packages)} packages")
    return image.size, json.loads(answer.split(" ", 2)[2])["predictions"]


def test_a_graph_is_served_by_a_small_image(here: Settings, docker_builder: DockerEngine) -> None:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "line",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(np.array([[2.0], [1.0]], np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    lading.save(model, "ml/graph:1.0.0", input_example=np.array(ROWS, np.float32), settings=here)

    size, answer = built("ml/graph:1.0.0", docker_builder, here, {"x": ROWS})

    assert answer == [[2.5], [4.0]]
    # onnxruntime and numpy: what writes graphs (onnx, ml_dtypes) is not among it.
    assert size < 270e6


def test_a_net_is_served_by_processors(
    here: Settings, docker_builder: DockerEngine, wheels: PackageIndex
) -> None:
    import numpy as np
    import torch
    from frameworks.nets import Net

    net = torch.jit.script(Net().eval())
    example = np.array(ROWS, np.float32)
    here = replace(here, extra_index_url=wheels.url)
    lading.save(net, "ml/net:1.0.0", input_example=example, allow_pickle=True, settings=here)

    size, answer = built("ml/net:1.0.0", docker_builder, here)

    with torch.inference_mode():
        wanted = net(torch.as_tensor(example)).numpy()
    assert np.allclose(answer, wanted, atol=1e-6)
    assert size < 1.6e9
    # A program brings its weights: nothing that reads other files of weights is needed.
    told = image_dockerfile("ml/net:1.0.0", settings=here)
    assert told.template == ("pytorch-cpu" if "+cpu" in version("torch") else "pytorch-cuda")


def test_a_saved_model_is_served_by_tensorflow(
    here: Settings, docker_builder: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np
    import tensorflow

    class Scale(tensorflow.Module):  # type: ignore[misc]
        @tensorflow.function(input_signature=[tensorflow.TensorSpec([None, 2], name="x")])
        def __call__(self, x):  # type: ignore[no-untyped-def]
            return x * 2

    example = np.array(ROWS, np.float32)
    lading.save(Scale(), "ml/scale:1.0.0", input_example=example, settings=here)

    # A SavedModel names what it takes.
    size, answer = built("ml/scale:1.0.0", docker_builder, here, {"x": ROWS})

    assert np.allclose(answer, example * 2)
    assert size < 3e9
    assert image_dockerfile("ml/scale:1.0.0", settings=here).template == "tensorflow"


def test_graphics_cards_have_a_template_of_their_own() -> None:
    text = render.template("pytorch-cuda")

    assert "NVIDIA_VISIBLE_DEVICES=all" in text
    assert "USER 65532:65532" in text

"""Graphs, layers, templates and settings: what runs although nothing is pickled."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from hazards.crafted import scanned, verdict, zipped
from lading.hazards.scan import scan_file
from lading.spec.facts import Finding

# Protocol buffers by hand, for what no installed library writes.


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def saved_model(operation: str, *, in_function: bool = False) -> bytes:
    node = field(1, b"name") + field(2, operation.encode())
    graph = field(2, field(1, field(3, node))) if in_function else field(1, node)
    return bytes([1 << 3, 1]) + field(2, field(2, graph))


def network(location: str = "", domain: str = "") -> onnx.ModelProto:
    """A real ONNX model, with data elsewhere and operators of somebody's, if asked for."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    if location:
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
    node = helper.make_node("Add", ["x", "w"], ["y"], domain=domain)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [tensor])
    imports = [helper.make_opsetid("", 20)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports)


def saved(folder: Path, model: onnx.ModelProto) -> tuple[Finding, ...]:
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return scan_file(folder / "model.onnx", "model.onnx")


@pytest.mark.parametrize("location", ["", "weights.bin", "data/weights.bin", "..weights"])
def test_data_inside_the_folder_is_clean(tmp_path: Path, location: str) -> None:
    assert saved(tmp_path, network(location)) == ()


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../../secret", "a/../../b", "C:\\secret", "\\\\host\\x", "~/.ssh"]
)
def test_data_outside_the_folder_is_dangerous(tmp_path: Path, location: str) -> None:
    (finding,) = saved(tmp_path, network(location))

    assert finding.severity == "dangerous"
    assert finding.what == "external data"


def test_data_outside_the_folder_is_found_in_graphs_inside_nodes(tmp_path: Path) -> None:
    inner = network("../secret").graph
    condition = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    outer = helper.make_graph([condition], "g", [], [])

    (finding,) = saved(tmp_path, helper.make_model(outer))

    assert finding.severity == "dangerous"


def test_a_place_that_is_said_twice_counts_as_the_last_word(tmp_path: Path) -> None:
    pair = field(1, b"x") + field(2, b"near") + field(1, b"location") + field(2, b"../../secret")
    raw = field(7, field(5, field(13, pair)))

    assert verdict(tmp_path, raw, "model.onnx") == "dangerous"


def test_operators_that_need_a_library_are_suspicious(tmp_path: Path) -> None:
    assert saved(tmp_path, network(domain="com.microsoft")) == ()
    (finding,) = saved(tmp_path, network(domain="acme.kernels"))
    assert (finding.severity, finding.what) == ("suspicious", "operators of acme.kernels")


def test_functions_that_the_model_itself_defines_are_clean(tmp_path: Path) -> None:
    model = network(domain="acme.kernels")
    body = [helper.make_node("Add", ["a", "b"], ["c"])]
    opset = [helper.make_opsetid("", 20)]
    model.functions.append(
        helper.make_function("acme.kernels", "Add", ["a", "b"], ["c"], body, opset)
    )

    assert saved(tmp_path, model) == ()


def test_graphs_nested_without_end_are_suspicious(tmp_path: Path) -> None:
    content = b""
    for _ in range(200):
        content = field(1, field(5, field(6, content)))

    assert verdict(tmp_path, field(7, content), "model.onnx") == "suspicious"


@pytest.mark.parametrize("operation", ["ReadFile", "WriteFile", "PyFunc", "EagerPyFunc"])
@pytest.mark.parametrize("in_function", [False, True])
def test_operations_on_files_and_python_are_dangerous(
    tmp_path: Path, operation: str, in_function: bool
) -> None:
    content = saved_model(operation, in_function=in_function)

    (finding,) = scanned(tmp_path, content, "saved_model.pb")

    assert (finding.severity, finding.what) == ("dangerous", operation)


def test_other_operations_are_clean(tmp_path: Path) -> None:
    assert scanned(tmp_path, saved_model("MatMul"), "saved_model.pb") == ()


def keras(layer: dict[str, object]) -> bytes:
    layers = [{"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}, layer]
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}
    return zipped({"config.json": json.dumps(config).encode(), "metadata.json": b"{}"})


LAMBDA: dict[str, object] = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}},
}


def test_a_lambda_layer_is_dangerous(tmp_path: Path) -> None:
    findings = scanned(tmp_path, keras(LAMBDA), "model.keras")

    assert {finding.severity for finding in findings} == {"dangerous"}
    assert {finding.path for finding in findings} == {"model.keras!config.json"}


def test_layers_of_keras_are_clean_and_others_suspicious(tmp_path: Path) -> None:
    own: dict[str, object] = {
        "module": "keras.layers",
        "class_name": "ReLU",
        "registered_name": None,
    }
    others: list[dict[str, object]] = [
        {"module": "acme.layers", "class_name": "Net"},
        {"module": "os", "class_name": "system"},
        {"class_name": "Net", "registered_name": "acme>Net"},
    ]

    assert scanned(tmp_path, keras(own), "model.keras") == ()
    for other in others:
        assert verdict(tmp_path, keras(other), "model.keras") == "suspicious"


@pytest.mark.parametrize("distance", [0, 10, 4 * 1024 * 1024 - 20, 9_000_000])
def test_a_lambda_layer_is_found_anywhere_in_hdf5(tmp_path: Path, distance: int) -> None:
    head = b"\x89HDF\r\n\x1a\n" + bytes(distance)

    assert scanned(tmp_path, head + json.dumps(LAMBDA).encode(), "model.h5") != ()
    assert scanned(tmp_path, head + b'{"class_name": "Dense"}', "model.h5") == ()


HONEST_TEMPLATE = (
    "{%- for message in messages %}{{ '<|' + message['role'] + '|>' }}{{ message.content | trim }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    " import this __class__ is only text here"
)
TEMPLATES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self._TemplateReference__context }}",
    "{% import 'x' as x %}",
    "{{ x|attr('\\x5f\\x5fclass') }}",
    "{{ x['_' ~ '_class'] }}",
    "{{ lipsum.x }}",
    "x" * 100_000,
]


def gguf(template: str) -> bytes:
    def string(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    words = struct.pack("<IIQ", 9, 8, 2) + string("a") + string("b")
    keys = [
        string("general.architecture") + struct.pack("<I", 8) + string("llama"),
        string("tokenizer.ggml.tokens") + words,
        string("general.alignment") + struct.pack("<II", 4, 32),
        string("tokenizer.chat_template") + struct.pack("<I", 8) + string(template),
    ]
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)) + b"".join(keys)


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_that_reach_out_are_suspicious(tmp_path: Path, template: str) -> None:
    config = json.dumps({"chat_template": template}).encode()
    several = json.dumps({"chat_template": [{"name": "tool", "template": template}]}).encode()

    assert verdict(tmp_path, gguf(template), "model.gguf") == "suspicious"
    assert verdict(tmp_path, template.encode(), "chat_template.jinja") == "suspicious"
    assert verdict(tmp_path, config, "tokenizer_config.json") == "suspicious"
    assert verdict(tmp_path, several, "tokenizer_config.json") == "suspicious"


def test_an_honest_template_is_clean(tmp_path: Path) -> None:
    config = json.dumps({"chat_template": HONEST_TEMPLATE}).encode()

    assert scanned(tmp_path, gguf(HONEST_TEMPLATE), "model.gguf") == ()
    assert scanned(tmp_path, HONEST_TEMPLATE.encode(), "chat_template.jinja") == ()
    assert scanned(tmp_path, config, "tokenizer_config.json") == ()


def test_a_broken_gguf_file_is_suspicious(tmp_path: Path) -> None:
    assert verdict(tmp_path, gguf(HONEST_TEMPLATE)[:-400], "model.gguf") == "suspicious"
    assert verdict(tmp_path, b"GGUF\x03\0\0\0" + b"\xff" * 100, "model.gguf") == "suspicious"


def test_code_that_settings_ask_for_is_suspicious_and_named(tmp_path: Path) -> None:
    config = {
        "model_type": "acme",
        "auto_map": {
            "AutoModel": "modeling_acme.AcmeModel",
            "AutoTokenizer": ["acme/other--tokenization_acme.AcmeTokenizer", None],
        },
    }

    (finding,) = scanned(tmp_path, json.dumps(config).encode(), "config.json")

    assert finding.severity == "suspicious"
    assert "modeling_acme.py" in str(finding.why)
    assert "tokenization_acme.py of acme/other" in str(finding.why)


def test_settings_without_code_are_clean(tmp_path: Path) -> None:
    content = json.dumps({"model_type": "llama", "trust_remote_code": False}).encode()

    assert scanned(tmp_path, content, "config.json") == ()
    assert scanned(tmp_path, b"[" * 100_000, "config.json") == ()

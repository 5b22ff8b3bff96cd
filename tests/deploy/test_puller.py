"""What fetches a model before its server starts."""

from __future__ import annotations

from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.puller import puller
from lading.spec.digest import Digest

MODEL = Digest.of(b"index")
SERVER = f"registry.example.com/ml/fraud@{Digest.of(b'server')}"
CLIENT = f"registry.example.com/tools/lading@{Digest.of(b'client')}"
PINS = Pins(
    Runs("registry.example.com/ml/fraud", MODEL, "1.2.0"),
    Serving(SERVER, holds_model=False),
    CLIENT,
)


def test_the_version_is_pulled_by_digest_and_everything_else_goes_to_the_scratch_folder() -> None:
    found = puller(PINS)

    assert found.image == CLIENT
    assert found.args[:2] == ("pull", f"registry.example.com/ml/fraud@{MODEL}")
    written = [value for name, value in found.env.items() if name.startswith(("HOME", "LADING"))]
    assert written
    assert all(value.startswith(found.scratch) for value in written)
    assert "REGISTRY_AUTH_FILE" not in found.env


def test_credentials_are_read_from_the_one_file_that_is_mounted() -> None:
    found = puller(PINS, credentials=True)

    assert found.credentials
    assert found.env["REGISTRY_AUTH_FILE"] == f"{found.credentials}/config.json"


def test_where_nobody_names_an_image_that_pulls_the_server_s_own_does() -> None:
    assert puller(Pins(PINS.runs, PINS.serving)).image == SERVER


def test_plain_http_is_spoken_with_the_model_s_registry_alone() -> None:
    assert puller(PINS, insecure=True).env["LADING_INSECURE"] == "registry.example.com"
    assert "LADING_INSECURE" not in puller(PINS).env

"""What fetches a model before its server starts."""

from __future__ import annotations

import pytest

from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.puller import puller, volume_mib
from lading.errors import InvalidInput
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


def test_without_an_image_that_pulls_it_is_said_where_one_comes_from() -> None:
    with pytest.raises(InvalidInput) as caught:
        puller(Pins(PINS.runs, PINS.serving))

    assert "client.Dockerfile" in (caught.value.hint or "")


@pytest.mark.parametrize(("size", "mib"), [(0, 64), (1, 65), (100 * 1024 * 1024, 169)])
def test_a_volume_has_room_for_the_files_and_a_little_more(size: int, mib: int) -> None:
    assert volume_mib(size) == mib

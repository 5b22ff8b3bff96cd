"""Who a URL speaks to."""

from __future__ import annotations

import pytest

from lading.errors import LadingError
from lading.stores.remote.origin import Origin

HTTPS = Origin.of("https://registry.example.com")


def test_an_origin_is_scheme_host_and_port() -> None:
    same = {
        Origin.of("https://Registry.Example.com/v2/"),
        Origin.of("HTTPS://registry.example.com:443/x"),
    }

    assert same == {HTTPS}
    assert Origin.of("https://registry.example.com:444") != HTTPS
    assert Origin.of("http://registry.example.com") != HTTPS
    assert str(Origin.of("https://[::1]:5000/x")) == "https://[::1]:5000"
    assert Origin.of("https://registry-1.docker.io").registry == "docker.io"


def test_a_password_in_a_url_is_not_shown() -> None:
    for url in ("https://me:secret@host/", "https://me:secret@host:port/", "me://x:secret@y"):
        with pytest.raises(LadingError) as refusal:
            Origin.of(url)

        assert "secret" not in str(refusal.value)

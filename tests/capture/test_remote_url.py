"""What of a remote's address everybody may read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.capture.remote_url import public_address


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://github.com/acme/fraud.git", "https://github.com/acme/fraud.git"),
        ("https://ada:s3cret@github.com/acme/fraud", "https://github.com/acme/fraud"),
        ("https://ghp_s3cret@github.com/acme/fraud", "https://github.com/acme/fraud"),
        ("https://a@b:s3cret@host:8443/x", "https://host:8443/x"),
        ("https://host/x?private_token=s3cret#s3cret", "https://host/x"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        ("ssh://git:s3cret@host:22/x.git", "ssh://git@host:22/x.git"),
        ("ssh://host/x.git", "ssh://host/x.git"),
        ("git@github.com:acme/fraud.git", "git@github.com:acme/fraud.git"),
        ("host.example:acme/fraud.git", "host.example:acme/fraud.git"),
        ("git://host/x", "git://host/x"),
    ],
)
def test_an_address_loses_its_secrets(url: str, public: str) -> None:
    assert public_address(url) == public


@pytest.mark.parametrize(
    "url",
    [
        *("/srv/git/x.git", "../x", "./x", "~/x", "file:///srv/x", "C:\\x", "C:/x", ""),
        *("ext::sh -c s3cret", "foo::https://host/x", "https://", "https:/u:s3cret@host/x"),
        *("https://u/:s3cret?@host/x", "https://u/:s3cret#@host/x", "https://0/:s3cret?/#@host/x"),
        *("https://u:s3/cret@host/x", "https://u:p@ho st/x", "https://host:port@/x"),
        *("user:s3cret@host:x", "https://[::1/x", "https://host/x\ny", "x" * 3000, "s3://b/x"),
        "https://u:s3cret\\@host/x",
    ],
)
def test_what_cannot_be_told_from_a_secret_is_left_out(url: str) -> None:
    assert public_address(url) is None


@given(st.text(min_size=1), st.text(alphabet="abc/@:?#\\%. []", max_size=30))
def test_a_password_never_stays(user: str, secret: str) -> None:
    public = public_address(f"https://{user}:S3CRET{secret}@host.example/x")

    assert public is None or "S3CRET" not in public


@given(st.text())
def test_any_text_has_an_answer(url: str) -> None:
    public = public_address(url)

    assert public is None or (public.isprintable() and "?" not in public)

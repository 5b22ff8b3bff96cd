"""What a registry may ask for, and what it may not have."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import AccessDenied, LadingError, Unavailable, Unsupported
from lading.stores.remote.challenge import Challenge, check_registry, choose, endpoint, parse
from lading.stores.remote.origin import Origin

HTTPS = Origin.of("https://registry.example.com")
LOOPBACK = Origin.of("http://127.0.0.1:5000")
PLAIN = Origin.of("http://registry.lan:5000")


def read(*lines: str) -> list[tuple[str, dict[str, str]]]:
    return [(challenge.scheme, dict(challenge.parameters)) for challenge in parse(lines)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'Bearer realm="https://auth.io/token",service="io",scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.io/token",
                        "service": "io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (r'Basic realm="a \"b\", c\\d"', [("basic", {"realm": r'a "b", c\d'})]),
        ('BASIC Realm="x"', [("basic", {"realm": "x"})]),
        (
            'Negotiate, Basic realm="x" , Bearer realm="y"',
            [("negotiate", {}), ("basic", {"realm": "x"}), ("bearer", {"realm": "y"})],
        ),
        ("NTLM TlRMTVNTUAAB==, Basic realm=x", [("ntlm", {}), ("basic", {"realm": "x"})]),
        ('Basic realm = "x" ,  charset = "UTF-8"', [("basic", {"realm": "x", "charset": "UTF-8"})]),
        (", ,Basic,,", [("basic", {})]),
        ("Bearer realm=https://a.io/t?x=y", [("bearer", {"realm": "https://a.io/t?x=y"})]),
        ('Bearer realm="first",realm="second"', [("bearer", {"realm": "first"})]),
        ("", []),
    ],
)
def test_challenges_are_read(line: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert read(line) == expected


def test_challenges_on_several_lines_are_one_list() -> None:
    assert read('Basic realm="a"', 'Bearer realm="b"') == [
        ("basic", {"realm": "a"}),
        ("bearer", {"realm": "b"}),
    ]


@pytest.mark.parametrize(
    "line",
    [
        'realm="without a scheme"',
        'Basic realm="without an end',
        'Basic realm="x" nonsense here',
        'Basic ="x"',
        "Bearer \x00realm=x",
        'Basic realm="' + "x" * 20_000 + '"',
    ],
)
def test_what_is_no_challenge_is_refused(line: str) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        parse([line])


@pytest.mark.parametrize("piece", ["a ", 'a="', "a=b,", '"', "\\", "Basic ", 'a="\\', " ,"])
def test_hostile_length_costs_no_time(piece: str) -> None:
    line = "Basic " + piece * (16_000 // len(piece))
    start = time.process_time()

    for end in ("", '"', "\x00"):
        try:
            parse([line + end])
        except Unavailable:
            continue

    assert time.process_time() - start < 1


@given(st.text(alphabet='abBearic="\\, \t/:', max_size=80))
def test_any_text_is_read_or_refused(line: str) -> None:
    try:
        challenges = parse([line])
    except LadingError:
        return

    assert all(challenge.scheme == challenge.scheme.lower() for challenge in challenges)


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=20), max_size=4)
)
def test_quoted_values_survive(parameters: dict[str, str]) -> None:
    written = ",".join(
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in parameters.items()
        if "\n" not in value
    )
    expected = {name: value for name, value in parameters.items() if "\n" not in value}

    assert read(f"Bearer {written}") == [("bearer", expected)]


def test_a_token_is_preferred_to_a_password() -> None:
    challenges = parse(['Basic realm="x", Bearer realm="https://a.io/t"'])

    assert choose(challenges, HTTPS).scheme == "bearer"


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(Unsupported) as refusal:
        choose(parse(["Negotiate, Digest nonce=x"]), HTTPS)

    assert refusal.value.cause == "it asks for digest, negotiate"


def test_a_missing_challenge_is_said() -> None:
    with pytest.raises(Unavailable, match="without saying what it wants"):
        choose(parse([]), HTTPS)


def test_scopes_that_are_not_plain_text_are_left_out() -> None:
    challenge = Challenge("bearer", {"scope": "repository:a:pull  repository:ü:pull \x1b[31m x\ty"})

    assert challenge.scopes == ("repository:a:pull",)


def named(realm: str) -> Challenge:
    return Challenge("bearer", {"realm": realm, "service": "the service"})


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("https://auth.example.org/token", HTTPS),
        ("https://registry.example.com/token?account=x", HTTPS),
        ("https://auth.example.org/token", PLAIN),
        ("http://registry.lan:5000/token", PLAIN),
        ("http://127.0.0.1:5001/token", LOOPBACK),
        ("http://localhost:5001/token", LOOPBACK),
        ("http://[::1]:5001/token", LOOPBACK),
    ],
)
def test_a_safe_realm_is_taken(realm: str, registry: Origin) -> None:
    place = endpoint(named(realm), registry, frozenset())

    assert (place.realm, place.service) == (realm, "the service")


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("http://registry.example.com/token", HTTPS),
        ("http://127.0.0.1:5001/token", HTTPS),
        ("http://127.0.0.1:8080/token", PLAIN),
        ("http://registry.lan:5001/token", PLAIN),
        ("http://auth.example.org/token", LOOPBACK),
        ("http://127.0.0.1.example.org/token", LOOPBACK),
        ("http://127.0.0.1@example.org/token", LOOPBACK),
        ("https://user:secret@auth.example.org/token", HTTPS),
        ("https://auth.example.org/token#fragment", HTTPS),
        ("https://auth.example.org\\@evil.example/token", HTTPS),
        ("https://auth.example.org/\r\nX: y", HTTPS),
        ("https://auth.example.org/a b", HTTPS),
        ("https://auth.exämple.org/", HTTPS),
        ("https://[::1/token", HTTPS),
        ("https://auth.example.org:99999/token", HTTPS),
        ("https:///token", HTTPS),
        ("//auth.example.org/token", HTTPS),
        ("/token", HTTPS),
        ("ftp://auth.example.org/token", HTTPS),
        ("file:///etc/passwd", HTTPS),
        ("javascript:alert(1)", HTTPS),
        ("auth.example.org", HTTPS),
        ("", HTTPS),
    ],
)
def test_an_unsafe_realm_is_refused(realm: str, registry: Origin) -> None:
    with pytest.raises(AccessDenied) as refusal:
        endpoint(named(realm), registry, frozenset())

    assert "secret" not in str(refusal.value)


def test_a_host_that_was_allowed_http_may_give_tokens() -> None:
    realm = "http://auth.lan:81/token"

    assert endpoint(named(realm), PLAIN, {"auth.lan:81"}).realm == realm
    assert endpoint(named(realm), PLAIN, {"auth.lan"}).realm == realm
    with pytest.raises(AccessDenied):
        endpoint(named(realm), PLAIN, {"auth.lan:82"})


@pytest.mark.parametrize(
    ("registry", "insecure", "allowed"),
    [
        (HTTPS, (), True),
        (LOOPBACK, (), True),
        (Origin.of("http://localhost:5000"), (), True),
        (Origin.of("http://[::1]:5000"), (), True),
        (Origin.of("http://127.9.9.9"), (), True),
        (PLAIN, (), False),
        (PLAIN, ("registry.lan:5000",), True),
        (PLAIN, ("registry.lan:5001",), False),
        (Origin.of("http://localhost.example.com"), (), False),
        (Origin.of("http://127.example.com"), (), False),
    ],
)
def test_credentials_travel_encrypted_or_stay(
    registry: Origin, insecure: tuple[str, ...], allowed: bool
) -> None:
    if allowed:
        check_registry(registry, insecure)
        return

    with pytest.raises(AccessDenied, match="no credentials are sent"):
        check_registry(registry, insecure)

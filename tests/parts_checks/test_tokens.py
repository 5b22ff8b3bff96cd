"""The token server's tokens are what docker-registry takes, and no longer than they say."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

from parts.registry import DockerRegistry
from parts.tokens import TokenServer


def ask(url: str, *, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def token_for(server: TokenServer, scope: str, user: str = "ada:secret") -> str:
    basic = "Basic " + base64.b64encode(user.encode()).decode()
    query = urllib.parse.urlencode({"service": server.service, "scope": scope})
    status, body = ask(f"{server.realm}?{query}", Authorization=basic)
    return str(json.loads(body)["token"]) if status == 200 else ""


def test_a_token_opens_one_repository(
    token_registry: DockerRegistry, token_server: TokenServer
) -> None:
    token = token_for(token_server, "repository:a/b:pull,push")
    bearer = f"Bearer {token}"
    uploads = f"{token_registry.origin}/v2/%s/blobs/uploads/"

    without, _ = ask(uploads % "a/b", body=b"")
    there, _ = ask(uploads % "a/b", body=b"", Authorization=bearer)
    elsewhere, _ = ask(uploads % "c/d", body=b"", Authorization=bearer)

    assert (without, there, elsewhere) == (401, 202, 401)


def test_a_token_counts_no_longer_than_its_lifetime(
    token_registry: DockerRegistry, token_server: TokenServer
) -> None:
    token_server.lifetime = 1
    bearer = f"Bearer {token_for(token_server, 'repository:a/b:pull,push')}"
    uploads = f"{token_registry.origin}/v2/a/b/blobs/uploads/"

    at_once, _ = ask(uploads, body=b"", Authorization=bearer)
    time.sleep(2.1)
    later, _ = ask(uploads, body=b"", Authorization=bearer)

    assert (at_once, later) == (202, 401)


def test_a_wrong_password_gets_no_token(token_server: TokenServer) -> None:
    assert token_for(token_server, "repository:a:pull", "ada:guess") == ""


def test_an_identity_token_is_exchanged_by_post(token_server: TokenServer) -> None:
    form = {"grant_type": "refresh_token", "service": token_server.service}
    form |= {"refresh_token": token_server.identity_token("ada"), "scope": "repository:a:pull"}

    status, body = ask(token_server.realm, body=urllib.parse.urlencode(form).encode())

    assert status == 200
    assert token_server.accepts(json.loads(body)["access_token"], "a", "pull")
    assert token_server.token_requests[-1].grant == "refresh_token"


def test_post_can_be_refused(token_server: TokenServer) -> None:
    token_server.post_allowed = False

    refused, _ = ask(token_server.realm, body=b"grant_type=password")

    assert refused == 405

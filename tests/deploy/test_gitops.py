"""What Flux, Argo CD and Kyverno are told, held against their own definitions, strictly.

Only validated: none of them runs here. What a policy of Kyverno's lets through is told by a small
reader of its patterns (``kyverno_pattern``), which knows the words that the example uses.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.crds_of import problems
from deploy.kyverno_pattern import fits

from lading.deploy import argocd, flux
from lading.deploy.kinds import resources
from lading.deploy.lint import lint
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Kind, Wish
from lading.errors import InvalidInput
from lading.spec.digest import Digest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "gitops"
DOCUMENTS = {
    "flux-git.yaml": "flux",
    "flux-oci.yaml": "flux",
    "argocd.yaml": "argocd",
    "kyverno-by-digest.yaml": "kyverno",
}


def example(name: str) -> tuple[Resource, ...]:
    return tuple(yaml.safe_load_all((EXAMPLES / name).read_text("utf-8")))


def test_every_example_is_looked_at() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} == set(DOCUMENTS)


@pytest.mark.parametrize(("name", "source"), DOCUMENTS.items())
def test_every_example_is_as_its_reader_defines_it_and_names_no_image_by_tag(
    name: str, source: str
) -> None:
    documents = example(name)

    assert documents
    assert [line for each in documents for line in problems(source, each)] == []
    if source != "kyverno":  # whose patterns are no names
        assert lint(documents) == ()


def test_the_examples_are_what_the_functions_make() -> None:
    git = flux.from_git(
        "fraud",
        "https://git.example.com/ml/deployments",
        path="./deploy/prod",
        secret="git",
        target="ml",
    )
    registry = flux.from_registry(
        "fraud", "registry.example.com/deploy/fraud", "prod", secret="registry", target="ml"
    )
    application = argocd.application(
        "fraud", "https://git.example.com/ml/deployments", path="deploy/prod", target="ml"
    )

    assert example("flux-git.yaml") == git
    assert example("flux-oci.yaml") == registry
    assert example("argocd.yaml") == (application,)


def test_one_digest_of_documents_is_followed_as_well_as_a_tag() -> None:
    digest = Digest.of(b"documents")

    source, _ = flux.from_registry(
        "fraud", "registry.example.com/deploy/fraud", digest, insecure=True
    )

    assert source["spec"]["ref"] == {"digest": digest}
    assert problems("flux", source) == []


def test_a_namespace_and_a_secret_are_said_only_where_they_are_wanted() -> None:
    made = flux.from_git("fraud", "ssh://git@git.example.com/ml/deployments", path="./deploy")

    assert [line for each in made for line in problems("flux", each)] == []
    assert "secretRef" not in made[0]["spec"]
    assert "targetNamespace" not in made[1]["spec"]


@pytest.mark.parametrize(
    "said",
    [
        {"url": "git@git.example.com:ml/deployments"},
        {"url": "https://token:secret@git.example.com/ml/deployments"},
        {"url": "file:///etc"},
        {"branch": "../main"},
        {"path": "../other"},
        {"path": "/etc"},
        {"interval": "soon"},
        {"name": "Fraud_1"},
        {"namespace": "No"},
        {"target": "No"},
    ],
    ids=str,
)
def test_what_flux_would_not_take_is_refused(said: dict[str, str]) -> None:
    usual: dict[str, Any] = {"name": "fraud", "url": "https://git.example.com/x", "path": "./d"}

    with pytest.raises(InvalidInput):
        flux.from_git(**(usual | said))


@pytest.mark.parametrize(
    "said",
    [
        {"place": "deploy/fraud"},
        {"place": "registry.example.com/deploy/fraud:prod"},
        {"follow": "not a tag"},
        {"follow": "sha256:short"},
    ],
    ids=str,
)
def test_documents_are_followed_by_tag_or_digest_of_a_registry(said: dict[str, str]) -> None:
    usual = {"name": "fraud", "place": "registry.example.com/deploy/fraud", "follow": "prod"}

    with pytest.raises(InvalidInput):
        flux.from_registry(**(usual | said))  # type: ignore[arg-type]  # texts alone


@pytest.mark.parametrize(
    "repository",
    [
        "https://git.example.com/ml/deployments",
        "git@git.example.com:ml/deployments.git",
        "ssh://git@git.example.com/ml/deployments",
        "oci://registry.example.com/deploy/fraud",
    ],
)
def test_argo_cd_reads_git_and_registries(repository: str) -> None:
    made = argocd.application("fraud", repository, revision="prod", target="ml")

    assert problems("argocd", made) == []


@pytest.mark.parametrize(
    "said",
    [
        {"repository": "https://me:secret@git.example.com/x"},
        {"repository": "/etc"},
        {"revision": "a..b"},
        {"revision": "-x"},
        {"path": "/etc"},
        {"path": "a/../../b"},
        {"target": "No"},
    ],
    ids=str,
)
def test_what_argo_cd_would_not_take_is_refused(said: dict[str, str]) -> None:
    usual = {"name": "fraud", "repository": "https://git.example.com/x", "target": "ml"}

    with pytest.raises(InvalidInput):
        argocd.application(**(usual | said))


# The policy

HOME = "registry.example.com/ml/fraud"
PINS = Pins(
    Runs(HOME, Digest.of(b"index"), "1.2.0"),
    Serving(f"{HOME}@{Digest.of(b'server')}", holds_model=False),
)
FACTS = Facts(size=10, framework="sklearn")


def admitted(document: Resource) -> bool:
    (policy,) = example("kyverno-by-digest.yaml")
    found = [
        rule["validate"]["pattern"]
        for rule in policy["spec"]["rules"]
        for each in rule["match"]["any"]
        for kind in each["resources"]["kinds"]
        if kind.rpartition("/")[2] == document["kind"]
    ]
    assert found
    return all(fits(pattern, document) for pattern in found)


def pod(kind: Kind, pins: Pins = PINS) -> Resource:
    made = resources(pins, FACTS, Wish(kind=kind, name="fraud"))[0]
    template = made["spec"]["template"] if made["kind"] == "Deployment" else made
    return {"kind": "Pod", "spec": template["spec"]}


def service(pins: Pins = PINS) -> Resource:
    return resources(pins, FACTS, Wish(kind="kserve", name="fraud"))[1]


@pytest.mark.parametrize("kind", ["deployment", "init", "pod"])
def test_the_policy_admits_what_lading_writes(kind: Kind) -> None:
    assert admitted(pod(kind))
    assert admitted(service())


@pytest.mark.parametrize(
    "reference",
    [
        f"{HOME}:1.2.0",
        HOME,
        f"elsewhere.example.com/ml/fraud@{Digest.of(b'server')}",
        f"elsewhere.example.com/registry.example.com/ml/fraud@{Digest.of(b'server')}",
    ],
)
def test_the_policy_refuses_tags_and_other_registries_wherever_they_stand(reference: str) -> None:
    container = replace(PINS, serving=Serving(reference, holds_model=False))
    volume = pod("pod")
    volume["spec"]["volumes"][0]["image"]["reference"] = reference
    model = service()
    model["spec"]["predictor"]["model"]["storageUri"] = f"oci+native://{reference}"

    assert not admitted(pod("pod", container))
    assert not admitted(service(container))
    assert not admitted(pod("init", replace(PINS, puller=reference)))
    assert not admitted(volume)
    assert not admitted(model)

"""What documents name is found wherever anybody may have written it, and nothing else is."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lading.deploy.named import named

DIGEST = f"sha256:{'a' * 64}"
IMAGE = f"registry.example.com/tools/server@{DIGEST}"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pod.yaml", f"spec: {{containers: [{{image: '{IMAGE}'}}]}}"),
        ("pod.json", f'{{"spec": {{"containers": [{{"image": "{IMAGE}"}}]}}}}'),
        ("pod.yaml", f"volumes: [{{image: {{reference: '{IMAGE}'}}}}]"),
        ("pod.yaml", f"args: [pull, '{IMAGE}', /models]"),
        ("pod.yaml", f"args: ['--from={IMAGE}']"),
        ("pod.yaml", f"---\n---\na: &x\n  image: {IMAGE}\nb: *x\n"),
        ("pod.yaml", f"a: &x {IMAGE}\nimage: *x\n"),
        ("pod.yaml", f"image: !custom '{IMAGE}'"),
        ("pod.yaml", f"image: registry.example.com/tools/server:1.0@{DIGEST}"),
        ("kserve.yaml", f"storageUri: oci+native://{IMAGE}"),
        ("kserve.yaml", f"storageUri: lading://{IMAGE}"),
        ("map.yaml", f"data:\n  script: |\n    podman pull {IMAGE}\n"),
        ("values.yaml", f"image: {{repository: registry.example.com/tools/server, "
                        f"digest: '{DIGEST}'}}"),
        ("values.yaml", f"image: {{registry: registry.example.com, repository: tools/server, "
                        f"digest: '{DIGEST}', tag: '1'}}"),
        ("kustomization.yaml", f"images: [{{name: app, newName: registry.example.com/tools/server, "
                               f"digest: '{DIGEST}'}}]"),
        ("server.container", f"[Container]\nImage={IMAGE}\n"),
        ("server.container", f"[Container]\nMount=type=image,source={IMAGE},destination=/models\n"),
        ("chart.yaml", f"{{{{ if .x }}}}\nimage: {IMAGE}\n{{{{ end }}}}\n"),
        ("run.sh", f"podman run {IMAGE}\n"),
    ],
)  # fmt: skip
def test_a_name_is_found_wherever_it_stands(file: str, text: str) -> None:
    found = named({file: text})

    assert found.problems == ()
    assert [(str(name.reference), name.file) for name in found.names] == [(IMAGE, file)]


def test_what_a_kustomization_says_of_an_image_holds_for_the_documents_beside_it() -> None:
    found = named(
        {
            "kustomization.yaml": f"images: [{{name: app, newName: r.io/app, digest: '{DIGEST}'}}]",
            "pod.yaml": "image: app:1.0",
        }
    )

    assert {str(name.reference) for name in found.names} == {f"r.io/app@{DIGEST}"}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("pod.yaml", "image: r.io/app:1.0", "pod.yaml: image: r.io/app:1.0 is not named by digest"),
        ("pod.yaml", f"image: app@{DIGEST}", "does not say which registry it is in"),
        ("pod.yaml", "image: APP", "is no HOST/NAME@DIGEST"),
        ("pod.yaml", "command: [run, r.io/app:1.0]", "command: r.io/app:1.0"),
        ("pod.yaml", f"image: r.io/app@{DIGEST}0", "is no HOST/NAME@DIGEST"),
        ("kserve.yaml", "storageUri: oci://r.io/app", "is not named by digest"),
        ("kustomization.yaml", "images: [{name: r.io/app, newTag: '2'}]", "images: r.io/app:2"),
        ("values.yaml", "image: {repository: r.io/app, tag: '1'}", "r.io/app:1"),
        ("server.container", "[Container]\nImage=r.io/app:1.0\n", "Image=r.io/app:1.0"),
    ],
)
def test_what_may_be_something_else_tomorrow_is_told_with_its_place(
    file: str, text: str, says: str
) -> None:
    found = named({file: text})

    assert found.names == ()
    (problem,) = found.problems
    assert says in problem


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("README.md", f"write {IMAGE}, and no r.io/app:1.0"),
        ("crd.yaml", "properties: {image: {type: string}, reference: {type: string}}"),
        ("release.yaml", "chart: {repository: https://charts.example.com, tag: '1'}"),
        ("service.yaml", "ports: ['8080:80', 'localhost:8080']\nurl: http://server:8080/v2"),
        ("server.container", "Image=server.image\n"),
        ("pattern.txt", "@sha256:"),
        ("rule.sh", "grep '@sha256:[0-9a-f]*'"),
        ("empty.yaml", ""),
    ],
)
def test_what_is_no_image_s_name_is_left_alone(file: str, text: str) -> None:
    assert named({file: text}) == named({})


def test_what_is_in_no_registry_is_noted() -> None:
    found = named({"kserve.yaml": "storageUri: s3://bucket/model"})

    assert (found.names, found.problems) == ((), ())
    assert "s3://bucket/model" in found.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "a: " * 3,
        "x: &a [*a, *a]\nimage: r.io/a@" + DIGEST,
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)),
        "{{ template }}",
        "\x00",
        "image: [", "? [a]\n: b", "- " * 300,
    ],
    ids=range(9),
)  # fmt: skip
def test_hostile_documents_are_read_within_bounds(text: str) -> None:
    named({"pod.yaml": text, "kustomization.yaml": text, "x.container": text})


@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["image", "images", "name", "reference", "x"]), inner)
        ),
    )
)
def test_a_name_is_found_in_any_document(around: object) -> None:  # fmt: skip
    found = named({"pod.yaml": yaml.safe_dump({"x": around, "image": IMAGE})})

    assert IMAGE in {str(name.reference) for name in found.names}

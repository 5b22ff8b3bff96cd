"""What is typed next, by the files that were written."""

from __future__ import annotations

import pytest

from lading.deploy.next_step import next_steps


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["kustomization.yaml", "digests.yaml"], "kubectl apply -k deploy/fraud"),
        (["compose.yaml"], "docker compose --file deploy/fraud/compose.yaml up"),
        (["kustomization.yaml", "pod.yaml", "digests.yaml"], "kubectl apply -k deploy/fraud"),
        (["pod.yaml"], "podman kube play --replace deploy/fraud/pod.yaml"),
        (["fraud.container"], "/etc/containers/systemd"),
    ],
)
def test_each_engine_has_its_line(files: list[str], said: str) -> None:
    (line,) = next_steps("deploy/fraud", files)

    assert said in line


def test_what_brings_a_model_is_started_before_who_serves_it() -> None:
    files = ["fraud.container", "fraud-pull.container", "fraud-model.volume"]

    (line,) = next_steps("fraud", files)

    assert "systemctl restart fraud-model-volume fraud-pull fraud " in line


def test_a_folder_is_named_as_a_shell_reads_it() -> None:
    assert list(next_steps("my models", ["compose.yaml"])) == [
        "docker compose --file 'my models'/compose.yaml up --detach --wait runs it"
    ]


def test_of_a_folder_that_nothing_runs_nothing_is_said() -> None:
    assert list(next_steps("fraud", ["values.yaml"])) == []

"""tasks.engines.go.sources: which version kind/go has, and what go's output means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import sources
from tasks.settings import artifacts
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from tests.unit.programs import Programs

TABLE = [entry for entry in vars(artifacts).values() if isinstance(entry, artifacts.GoArtifact)]


@pytest.mark.parametrize("artifact", TABLE, ids=lambda artifact: artifact.name)
def test_each_artifact_is_pinned_at_the_default_of_its_parameter(artifact: artifacts.GoArtifact) -> None:
    chosen = lab()
    assert sources.is_pinned(artifact, chosen)
    assert sources.is_resolved(artifact, chosen)
    if artifact.module:
        assert sources.pinned(artifact) == sources.version(artifact, chosen)


def test_the_tag_in_the_comment_is_the_version_of_what_go_knows_by_its_commit() -> None:
    assert sources.pinned(artifacts.SRIOV_CNI) == "v2.8.1"
    assert [artifact.name for artifact in TABLE if artifact.module and sources.is_by_commit(artifact)] == ["sriov-cni"]


def test_the_pinned_version_is_resolved_without_go(programs: Programs) -> None:
    programs.write("go", "exit 1")
    assert (sources.resolve(artifacts.ETCD, lab()) / "go.sum").is_file()
    assert not programs.calls


SITE = "https://goproxy.example/m/@v/v1.info"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            f"go: example.com/m@v1: reading {SITE}: 404 Not Found\n\tserver response: not found",
            "example.com/m@v1: 404 Not Found: not found",
        ),
        (f"reading {SITE}: 410 Gone", "410 Gone"),
        ("go: m@v1: invalid version: unknown revision v1", "m@v1: unknown revision v1"),
        (f"reading {SITE}: 503 Service Unavailable", ""),
        (f"verifying m@v1: m@v1: reading {SITE}: 404 Not Found", ""),
        ("dial tcp: lookup goproxy.example: no such host", ""),
    ],
)
def test_only_a_version_that_is_not_there_is_a_refusal(output: str, words: str) -> None:
    assert sources.refusal(output) == words

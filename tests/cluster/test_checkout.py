"""CONTROLLER names a folder: an edit restarts one workload and no other pod; what does not compile restarts none."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube import manifests
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.lab import Lab

# A component in Go, as the real controller has them, in place of one that no dataflow of this test needs.
COMPONENT = "src/GPUFunction"
DAEMON = "crc-gpufunction-daemon"
DOCKERFILE = """FROM golang:1.23 as builder
WORKDIR /workspace
COPY GPUFunction/go.mod go.mod
COPY GPUFunction/cmd/main.go cmd/main.go
COPY GPUFunction/internal/controller/ internal/controller/
RUN CGO_ENABLED=0 go build -a -o manager cmd/main.go
FROM gcr.io/distroless/static:nonroot
WORKDIR /
COPY --from=builder /workspace/manager .
USER 65532:65532
ENTRYPOINT ["/manager"]
"""
MAIN = """package main

import "example.com/gpufunction/internal/controller"

func main() { controller.Run() }
"""
REST = """package controller

import (
	"fmt"
	"net/http"
)

func Run() {
	fmt.Println("starting", said)
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	http.ListenAndServe(":8081", nil)
}
"""
FILES = {
    "Dockerfile": DOCKERFILE,
    "go.mod": "module example.com/gpufunction\n\ngo 1.23\n",
    "cmd/main.go": MAIN,
    "internal/controller/run.go": REST,
}
EDITED = f"{COMPONENT}/internal/controller/said.go"


@dataclass(frozen=True)
class Checkout:
    """A folder with the controller's source, and the lab that deploys it."""

    folder: Path
    lab: Lab

    def edit(self, text: str) -> None:
        """Write the file that is edited."""
        (self.folder / EDITED).write_text(text)

    @property
    def parameters(self) -> dict[str, str]:
        """What the lab's runs need besides its own parameters."""
        return {"CONTROLLER": str(self.folder)}

    def pods(self) -> dict[str, str]:
        """Return the names of all pods of the cluster that are not being deleted, by their UID."""
        pods = [pod for pod in self.lab.api.list(manifests.POD) if "deletionTimestamp" not in pod["metadata"]]
        return {pod["metadata"]["uid"]: manifests.name_of(pod) for pod in pods}


@pytest.fixture
def own(verified: Lab, tmp_path: Path) -> Iterator[Checkout]:
    """A copy of the sample with one component in Go, deployed; afterwards, the lab has its own controller again."""
    made = Checkout(tmp_path / "my controller", verified)
    shutil.copytree(paths.SAMPLE, made.folder, symlinks=True)
    for name, text in FILES.items():
        (made.folder / COMPONENT / name).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / COMPONENT / name).write_text(text)
    made.edit('package controller\n\nconst said = "one"\n')
    verified.run("controller", **made.parameters)
    yield made
    verified.run("controller")


def test_an_edit_restarts_one_workload_and_what_does_not_compile_restarts_none(own: Checkout) -> None:
    before = own.pods()
    own.edit('package controller\n\nconst said = "two"\n')
    output = own.lab.run("controller", **own.parameters)
    after = own.pods()
    replaced = {after[uid] for uid in after.keys() - before.keys()}
    assert len(replaced) == 2
    assert all(name.startswith(f"{DAEMON}-") for name in replaced)
    assert {before[uid].rpartition("-")[0] for uid in before.keys() - after.keys()} == {DAEMON}
    assert f"restarted: DaemonSet default/{DAEMON} (2 pods)" in output
    assert all(f"{name} | starting two" in output for name in replaced)

    own.edit('package controller\n\nconst said = twice("two")\n')
    output = own.lab.fail("controller", **own.parameters)
    assert f"{own.folder}/{EDITED}:3:14: undefined: twice" in output
    assert own.pods() == after

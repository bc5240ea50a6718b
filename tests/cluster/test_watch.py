"""`watch` and `--follow` on a real cluster, and the registry as other tools find it."""

from __future__ import annotations

import shutil
import signal
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.controller.kinds import FUNCTION_CHAIN
from tasks.engines.docker import client
from tasks.engines.docker import images as docker_images
from tasks.engines.kube import manifests
from tasks.engines.programs import waiting
from tasks.settings import controller as source
from tasks.settings import paths
from tests.cluster.lab import NAMESPACE

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.lab import Lab

_SECONDS = 240
PATTERN = """
namespace: cpufunc-calcapp
dataflow: df-watched
functions:
  - {key: send, image: cpufunc_calcapp}
  - {key: plus, image: cpufunc_calcapp}
  - {key: minus, image: cpufunc_calcapp}
  - {key: multiply, image: cpufunc_calcapp}
  - {key: divide, image: cpufunc_calcapp}
  - {key: average, image: cpufunc_calcapp}
  - {key: rcv, image: cpufunc_calcapp}
images: [cpufunc_sidecar]
verify: {}
"""


class Output:
    """The lines of a running `./doit`, which is ended if they do not come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._seen = ""

    def until(self, text: str) -> str:
        """Return the next line with a text."""
        for line in self._process.stdout or ():
            self._seen += line
            if text in line:
                return line
        raise AssertionError(f"ended, or silent, before {text!r}:\n{self._seen}")

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)


@contextmanager
def running(lab: Lab, *words: str) -> Iterator[Output]:
    process = lab.checkout.start(*words, env=lab.env)
    timer = threading.Timer(_SECONDS, process.terminate)
    timer.start()
    with process:
        try:
            yield Output(process)
        finally:
            timer.cancel()
            process.terminate()


@pytest.fixture
def own(verified: Lab) -> Iterator[Path]:
    """An own pattern with the files of calcapp-basic under other names, and a pattern.yaml that is not valid."""
    folder = verified.checkout.root / "work" / "patterns" / "watched"
    shutil.copytree(paths.SAMPLE / source.SCENARIOS / "calc-func" / "basic", folder)
    for file in folder.rglob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("df-calcapp", "df-watched").replace("calcapp-chain", "watched-chain"), "utf-8")
    (folder / "pattern.yaml").write_text(f"{PATTERN}dataflw: x\n", encoding="utf-8")
    yield folder
    shutil.rmtree(folder)
    verified.api.delete(FUNCTION_CHAIN, "watched-chain", NAMESPACE)
    verified.api.wait_gone(FUNCTION_CHAIN, "watched-chain", NAMESPACE, deadline=60)


def test_watch_sees_an_edit_and_survives_a_refusal(verified: Lab, own: Path) -> None:
    with running(verified, "watch", "scenario:watched") as watched:
        watched.until("did you mean dataflow")
        watched.until("./doit scenario:watched: failed with exit code 3; watching")
        assert verified.api.get(FUNCTION_CHAIN, "watched-chain", NAMESPACE) is None
        (own / "pattern.yaml").write_text(PATTERN, encoding="utf-8")
        assert watched.until("Changed: ") == "Changed: work/patterns/watched/pattern.yaml\n"
        watched.until("./doit scenario:watched: done; watching")
        assert verified.api.get(FUNCTION_CHAIN, "watched-chain", NAMESPACE)
        assert watched.interrupt() == 128 + signal.SIGINT


def test_follow_goes_on_with_the_pod_that_takes_anothers_place_and_ends_alone(verified: Lab) -> None:
    def pods() -> dict[str, str]:
        found = verified.api.list(manifests.POD, "wbfunction-system")
        return {manifests.name_of(pod): pod["metadata"]["uid"] for pod in found}

    with running(verified, "controller", "--follow") as followed:
        followed.until("Following the logs of ")
        (before,) = pods()
        followed.until(f"{before[-5:]} |")
        verified.api.delete(manifests.POD, before, "wbfunction-system")
        verified.api.wait_gone(manifests.POD, before, "wbfunction-system", deadline=60)
        (after,) = pods()
        assert followed.until(f"{after[-5:]} |").startswith("wbfunction ")
        assert followed.interrupt() == 0
    assert list(pods()) == [after]


def test_other_tools_find_the_registry_and_push_to_it(verified: Lab, tmp_path: Path) -> None:
    found = verified.kubectl("-n", "kube-public", "get", "configmap", "local-registry-hosting")
    said = yaml.safe_load(found["data"]["localRegistryHosting.v1"])
    name = f"pushed-by-another-tool:{uuid.uuid4().hex[:8]}"
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /\nLABEL test={name}\n", encoding="utf-8")
    pushed, pulled = f"{said['host']}/{name}", f"{said['hostFromContainerRuntime']}/{name}"
    docker_images.build(tmp_path, pushed)
    try:
        for event in client.client().api.push(pushed, stream=True, decode=True):
            assert "error" not in event, event
        verified.kubectl_says("run", "of-another-tool", f"--image={pulled}", "--restart=Never", "--", "/nothing")
        waiting.until("image of the pod: pulled", lambda: was_pulled(verified), bool, deadline=60)
    finally:
        verified.api.delete(manifests.POD, "of-another-tool", "default")
        docker_images.remove(pushed)


def was_pulled(lab: Lab) -> bool:
    events = [event for event in lab.api.list(manifests.EVENT, "default") if event["reason"] == "Pulled"]
    return any(event["involvedObject"]["name"] == "of-another-tool" for event in events)

"""The embedded engine, started and stopped for real in a network namespace of its own.

There neither its bridge nor its packet filter rules meet those of an engine that the machine uses.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tasks.engines import dockerd, golang
from tasks.engines.waiting import until
from tasks.settings import artifacts
from tests.docker.private_engine import STOP, PrivateEngine, processes_with

ENSURE = "from tasks.actions import engine; engine.ensure()"
# A privileged container is what a node is; its program serves until it is removed.
BUILD = """
from pathlib import Path
from tasks.engines import docker
docker.build(Path({context!r}), "engine-test:1", labels={{"test": "yes"}})
"""
RUN = """
from tasks.engines import docker
command = ["/ca-server", "127.0.0.1:80", "/", "/none"]
docker.client().containers.run("engine-test:1", command, privileged=True, detach=True, name="engine-test")
print(docker.container("engine-test").status, docker.image("engine-test:1").labels["test"])
"""
NAME = "from tasks.engines import docker; print(docker.container('engine-test').name)"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    shutil.copy(golang.program(artifacts.CA_SERVER, "ca-server"), folder)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY ca-server /ca-server\n", encoding="utf-8")
    return folder


def kill(number: int) -> None:
    os.kill(number, signal.SIGKILL)
    until("dockerd: gone", lambda: Path(f"/proc/{number}").exists(), lambda there: not there, deadline=10)


def test_it_starts_runs_a_node_like_container_and_leaves_nothing_behind(private: PrivateEngine, context: Path) -> None:
    private.python(ENSURE)
    private.python(BUILD.format(context=str(context)))
    assert private.python(RUN).split() == ["running", "yes"]

    private.python(STOP)
    assert not private.engine.run.exists()
    assert str(private.cache) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert processes_with(str(private.engine.run)) == []
    assert private.engine.bridge not in private.inside("ip", "-brief", "link")
    rules = private.inside("iptables-save")
    assert "DOCKER" not in rules
    assert ":FORWARD ACCEPT" in rules


def test_another_run_finds_it_and_images_outlive_it(private: PrivateEngine, context: Path) -> None:
    private.python(ENSURE)
    private.python(BUILD.format(context=str(context)))
    first = private.pid()
    private.python(ENSURE)
    assert private.pid() == first
    private.python(STOP)
    private.python(ENSURE)
    assert private.pid() != first
    assert private.python(RUN).split() == ["running", "yes"]


def test_it_comes_back_after_a_kill_with_its_containers(private: PrivateEngine, context: Path) -> None:
    private.python(ENSURE)
    private.python(BUILD.format(context=str(context)))
    private.python(RUN)
    kill(private.pid())
    private.python(ENSURE)
    assert "engine-test" in private.python(
        "from tasks.engines import docker; print(docker.container('engine-test').name)"
    )


def test_a_pid_file_that_names_another_process_is_no_obstacle(private: PrivateEngine) -> None:
    private.engine.run.mkdir(parents=True)
    private.engine.pid_file.write_text(str(os.getpid()), encoding="ascii")
    assert dockerd.pid(private.engine) is None
    private.python(ENSURE)
    assert private.pid() != os.getpid()


def test_a_socket_without_an_engine_is_no_engine(private: PrivateEngine) -> None:
    private.engine.run.mkdir(parents=True)
    private.engine.socket.touch()
    private.python(ENSURE)
    assert private.pid()


def test_what_cannot_start_shows_the_end_of_its_log(private: PrivateEngine) -> None:
    private.engine.data.mkdir(parents=True)
    (private.engine.data / "containerd").touch()
    said = private.python(
        "from tasks.actions import engine\nfrom tasks.problems import Problem\n"
        "try:\n    engine.ensure()\nexcept Problem as problem:\n    print(problem)"
    )
    assert "the embedded Docker engine ended with exit code 1" in said
    assert "containerd" in said
    assert str(private.engine.log) in said

"""tasks.engines.docker.client against a real engine, with an image of one small program."""

from __future__ import annotations

import os
import shutil
import uuid
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client, containers, images, local_containers, networks
from tasks.engines.go import modules
from tasks.problems import Problem
from tasks.settings import artifacts, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CA_SERVER = ["/ca-server", "127.0.0.1:80", "/", "/none"]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    service.ensure()
    folder = tmp_path_factory.mktemp("context äö")
    shutil.copy(modules.program(artifacts.CA_SERVER, "ca-server", parameters.current()), folder)
    (folder / "Dockerfile").write_text('FROM scratch\nARG WORD\nLABEL word="$WORD"\nCOPY ca-server /\n', "utf-8")
    return folder


@pytest.fixture(scope="module")
def image(context: Path) -> Iterator[str]:
    tag = f"docker-test:{uuid.uuid4().hex[:8]}"
    images.build(context, tag, build_args={"WORD": "a word"}, labels={"inputs": 'say "x"'})
    yield tag
    images.remove(tag)


@pytest.fixture
def container(image: str) -> Iterator[str]:
    name = f"docker-test-{uuid.uuid4().hex[:8]}"
    client.client().containers.run(image, CA_SERVER, name=name, detach=True, labels={"docker-test": name})
    yield name
    containers.remove(name)


def test_an_image_bears_arguments_and_labels(image: str) -> None:
    found = images.require(image)
    assert found.id.startswith("sha256:")
    assert found.labels == {"word": "a word", "inputs": 'say "x"'}
    assert images.find("docker-test:none") is None


def test_a_failing_step_is_in_the_error(context: Path, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    shutil.copytree(context, folder)
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY ca-server /\nRUN ["/ca-server"]\n', "utf-8")
    with pytest.raises(Problem, match="docker-test:broken: the build failed") as caught:
        images.build(folder, "docker-test:broken")
    assert "usage: /ca-server ADDRESS PATH FILE" in caught.value.details


def test_a_push_to_nobody_is_a_problem(image: str) -> None:
    with pytest.raises(Problem, match=r"push failed: .*connection refused"):
        images.push(image, "127.0.0.1:1/nobody:1")
    images.remove("127.0.0.1:1/nobody:1")


def test_a_container_is_found_by_name_and_label(container: str) -> None:
    found = containers.find(container)
    assert found is not None
    assert found.running
    assert [one.name for one in containers.labelled(f"docker-test={container}")] == [container]
    assert containers.main_process(container) > 0
    assert containers.find("docker-test-none") is None
    assert containers.main_process("docker-test-none") == 0


def test_a_container_of_this_machine_is_proven_to_be_one(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process = local_containers.main_process(container)
    assert process == containers.main_process(container)
    assert local_containers.main_process("docker-test-none") == 0
    # An engine on another machine could report a number that belongs to some process here.
    monkeypatch.setattr(containers, "main_process", lambda _: os.getpid())
    with pytest.raises(Problem, match=f"{container}: is not a container of this machine"):
        local_containers.main_process(container)


def test_a_file_is_written_found_and_its_changes_are_seen(container: str) -> None:
    path = "/etc/some folder/file"
    assert not containers.holds(container, path, b"content")
    containers.copy_into(container, path, b"content", containers.Rights(0o600))
    assert containers.holds(container, path, b"content")
    assert containers.read_from(container, path) == b"content"
    assert not containers.holds(container, path, b"another")
    assert not containers.holds(container, path, b"content.")
    client.client().api.put_archive(container, "/", _tar(path, b"Content"))
    assert not containers.holds(container, path, b"content"), "of the same size, by another hand"


def test_files_can_be_asked_for_while_the_container_is_stopped(container: str) -> None:
    containers.copy_into(container, "/file", b"content")
    client.client().api.kill(container)
    assert containers.holds(container, "/file", b"content")
    assert containers.read_from(container, "/file") == b"content"
    assert containers.read_from(container, "/none") is None


def test_what_fails_in_a_container_is_told(container: str) -> None:
    with pytest.raises(Problem, match=f"{container}: /ca-server failed with exit code 1") as caught:
        containers.exec_in(container, ["/ca-server"])
    assert "usage" in caught.value.details


def test_what_a_program_in_a_container_says_is_asked_of_the_engine(container: str) -> None:
    with pytest.raises(Problem, match=f"^{container}: /ca-server failed with exit code") as caught:
        containers.said_in(container, ["/ca-server"])
    assert "usage" in caught.value.details
    with pytest.raises(Problem, match=f"^{container}: /none "):
        containers.said_in(container, ["/none"])
    with pytest.raises(Problem, match=r"^docker-test-none: /ca-server cannot be run: "):
        containers.said_in("docker-test-none", ["/ca-server"])


def test_removing_twice_is_no_error(container: str) -> None:
    assert containers.remove(container)
    assert not containers.remove(container)
    images.remove("docker-test:none")


def test_a_network_is_removed_only_by_who_made_it_and_when_it_is_empty(container: str) -> None:
    name = f"docker-test-{uuid.uuid4().hex[:8]}"
    networks.ensure(name)
    networks.ensure(name)
    client.client().api.connect_container_to_network(container, name)
    assert not networks.remove(name)
    containers.remove(container)
    assert networks.remove(name)
    foreign = client.client().networks.create(name)
    assert not networks.remove(name)
    foreign.remove()


def test_a_network_stays_under_a_container_that_stands_still(container: str) -> None:
    name = f"docker-test-{uuid.uuid4().hex[:8]}"
    networks.ensure(name)
    api = client.client().api
    stopped = f"{name}-stopped"
    image = api.inspect_container(container)["Image"]
    api.create_container(image, CA_SERVER, name=stopped, host_config=api.create_host_config(network_mode=name))
    try:
        assert not networks.remove(name)
        assert networks.users(name) == [stopped]
        assert networks.is_ours(name)
    finally:
        containers.remove(stopped)
        assert networks.remove(name)
    # A container that was connected and then stopped is still in the network.
    networks.ensure(name)
    api.connect_container_to_network(container, name)
    api.kill(container)
    assert networks.users(name) == [container]
    assert not networks.remove(name)
    containers.remove(container)
    assert networks.remove(name)


def test_what_the_engine_does_not_set_going_is_one_line(container: str) -> None:
    client.client().api.pause(container)
    with pytest.raises(Problem, match=f"container {container}: cannot be set going: ") as caught:
        containers.start(container)
    assert f"docker start {container}" in caught.value.hint
    containers.unpause(container)
    found = containers.find(container)
    assert found is not None
    assert found.running


def test_no_engine_is_one_line_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    client.forget()
    try:
        with pytest.raises(Problem, match=f"no engine answers at unix://{tmp_path}/docker.sock") as caught:
            client.client()
        assert "docker.io" in caught.value.hint
    finally:
        client.forget()


def _tar(path: str, content: bytes) -> bytes:
    import io
    import tarfile
    import time

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.size, member.mtime = len(content), int(time.time())
        tar.addfile(member, io.BytesIO(content))
    return made.getvalue()

"""The identity of an image: the same in two real engines that keep their images in different ways."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import client
from tasks.engines.docker import images as docker_images
from tasks.engines.programs import shell
from tasks.engines.programs.waiting import Condition
from tasks.images import node_images
from tasks.settings.images import INPUTS_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docker.chain import Chain


@pytest.fixture
def another_engine(tmp_path: Path) -> Iterator[str]:
    """The address of a second engine; it has another storage driver, and leaves the machine's network alone."""
    config = tmp_path / "daemon.json"
    config.write_text("{}", encoding="ascii")
    url = f"unix://{tmp_path}/docker.sock"
    folders = [f"--data-root={tmp_path}/data", f"--exec-root={tmp_path}/exec", f"--pidfile={tmp_path}/pid"]
    network = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
    program = shell.find("dockerd", package="docker.io")
    command = [program, f"--host={url}", f"--config-file={config}", "--storage-driver=vfs", *folders, *network]
    with (tmp_path / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        Condition("the second engine: answering", lambda: client.answers(url), bool).wait(60)
        yield url
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def moved(another_engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything that follows takes place in the second engine."""
    monkeypatch.setenv("DOCKER_HOST", another_engine)
    client.forget()
    yield
    monkeypatch.undo()
    client.forget()


def identities(chain: Chain) -> list[str]:
    return [docker_images.require(tag).labels[INPUTS_LABEL] for tag in chain.tags()]


def test_two_engines_give_the_same_identity_and_take_each_others_images(
    chain: Chain, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first, ids = identities(chain), chain.ids()
    saved = tmp_path / "saved.tar"
    shell.run([client.cli()[0], "save", f"--output={saved}", chain.base, *chain.tags()], env=client.variables())
    request.getfixturevalue("moved")
    assert not any(docker_images.find(tag) for tag in chain.tags())
    chain.build_all()
    assert identities(chain) == first
    assert chain.ids() != ids
    for tag in [*reversed(chain.tags()), chain.base]:
        docker_images.remove(tag)
    shell.run([client.cli()[0], "load", f"--input={saved}"], env=client.variables())
    assert chain.ids() == ids
    assert not any(node_images.lack(image.name) for image in chain.images)

"""Official releases from a site on loopback: the checksum published beside a program decides; and the bad cases."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
import tenacity

from tasks.engines.files import releases
from tasks.engines.go import modules
from tasks.engines.kube import kubectl
from tasks.images import programs
from tasks.problems import Problem
from tasks.settings import artifacts, parameters
from tests.docker.apt_site import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docker.apt_site import Server

PLACE = "v1.31.0/bin/linux/amd64"
KUBEADM = b"#!/bin/sh\necho kubeadm\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "www" / PLACE
    made.mkdir(parents=True)
    (made / "kubeadm").write_bytes(KUBEADM)
    (made / "kubeadm.sha256").write_text(hashlib.sha256(KUBEADM).hexdigest(), encoding="utf-8")
    return made


@pytest.fixture
def site(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Server]]:
    monkeypatch.setattr(tenacity, "wait_random_exponential", lambda **_: tenacity.wait_none())
    with served(folder.parents[3], "127.0.0.1") as server:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        changes = {"kubernetes_from": "auto", "k8s_release_url": f"{address}/", "cache_dir": tmp_path / "cache"}
        chosen = parameters.current().model_copy(update=changes)
        monkeypatch.setattr(parameters, "current", lambda: chosen)
        yield address, server


def test_a_program_of_the_release_is_verified_and_asked_for_once(site: tuple[str, Server]) -> None:
    address, server = site
    for _ in range(2):
        found = releases.fetch(address, "v1.31.0", ["kubeadm"], parameters.current().cache_dir) / "kubeadm"
        assert found.read_bytes() == KUBEADM
        assert found.stat().st_mode & 0o777 == 0o755
    assert server.asked == [f"/{PLACE}/kubeadm.sha256", f"/{PLACE}/kubeadm"]


def test_another_content_than_the_published_checksum_is_refused(site: tuple[str, Server], folder: Path) -> None:
    (folder / "kubeadm").write_bytes(b"<html>please log in</html>")
    with pytest.raises(Problem, match="kubeadm: its SHA-256 is"):
        programs.folder(artifacts.KUBERNETES, ("kubeadm",), parameters.current())
    assert site


@pytest.mark.parametrize("text", ["<html>please log in</html>", "", "0123abc"])
def test_a_page_is_no_checksum(site: tuple[str, Server], folder: Path, text: str) -> None:
    (folder / "kubeadm.sha256").write_text(text, encoding="utf-8")
    with pytest.raises(Problem, match=r"kubeadm\.sha256: not a SHA-256 checksum"):
        releases.fetch(site[0], "v1.31.0", ["kubeadm"], parameters.current().cache_dir)


def test_a_version_that_is_not_there_is_named(site: tuple[str, Server]) -> None:
    with pytest.raises(Problem, match=r"v1\.99\.0/bin/linux/amd64/kubeadm\.sha256: 404"):
        releases.fetch(site[0], "v1.99.0", ["kubeadm"], parameters.current().cache_dir)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("reached", [True, False])
def test_auto_takes_the_release_where_it_can_be_reached(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, reached: bool
) -> None:
    monkeypatch.setattr(modules, "build", lambda _artifact, _settings: tmp_path)
    before = programs.definition(artifacts.KUBERNETES, parameters.current())
    if not reached:
        (folder / "kubeadm.sha256").unlink()
    found = programs.folder(artifacts.KUBERNETES, ("kubeadm",), parameters.current())
    assert (found == tmp_path) is not reached
    after = programs.definition(artifacts.KUBERNETES, parameters.current())
    assert after == before, "an image does not go stale with the network"


def test_kubectl_is_that_of_the_release_where_the_site_answers(site: tuple[str, Server], folder: Path) -> None:
    for name in ("kubectl", "kubectl.sha256"):
        content = KUBEADM if name == "kubectl" else hashlib.sha256(KUBEADM).hexdigest().encode()
        (folder / name).write_bytes(content)
    chosen = parameters.current()
    assert kubectl.ensure(chosen).read_bytes() == KUBEADM
    asked = list(site[1].asked)
    assert f"/{PLACE}/kubectl" in asked
    assert kubectl.ensure(chosen) == kubectl.kept(chosen)
    assert site[1].asked == asked

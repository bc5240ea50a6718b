"""tasks.addons.manifests: a manifest of a version whose checksum nobody has written down."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tasks.addons.manifests import Manifests
from tasks.engines.files import atomic
from tasks.problems import Problem
from tasks.settings import addons, parameters
from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.conftest import Lines

_CONTAINER = {"name": "calico-node", "image": "docker.io/calico/node:v1", "env": [{"name": "FELIX", "value": "1"}]}
OBJECT = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "calico-node", "namespace": "kube-system"},
    "spec": {
        "selector": {"matchLabels": {"app": "calico"}},
        "template": {"metadata": {"labels": {"app": "calico"}}, "spec": {"containers": [_CONTAINER]}},
    },
}


def calico() -> Manifests:
    """Return Calico's manifests, as the parameters choose them."""
    release = addons.addon("calico").release
    assert release is not None
    return Manifests("calico", release, parameters.current())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a site that serves a folder, and the folder."""
    folder = tmp_path / "site"

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server, running(server):
        yield f"http://127.0.0.1:{server.server_port}/", folder


@pytest.mark.usefixtures("tree")
def test_a_version_without_a_known_checksum_is_taken_as_served_and_said(
    choose: Callable[..., None], site: tuple[str, Path], said: Lines, tmp_path: Path
) -> None:
    address, folder = site
    place = "projectcalico/calico/v3.28.2/manifests/calico.yaml"
    atomic.write(folder / place, f"kind: List\napiVersion: v1\nitems:\n- {json.dumps(OBJECT)}\n")
    digest = hashlib.sha256((folder / place).read_bytes()).hexdigest()
    choose(PROFILE="physical", CALICO_VERSION="v3.28.2", MANIFEST_SITE=address, CACHE_DIR=str(tmp_path / "cache"))
    found = calico()
    assert not found.are_rendered()
    assert [item["metadata"]["name"] for item in found.objects()] == ["calico-node"]
    line = f"CALICO_VERSION v3.28.2: its manifest is taken as {address}{place} serves it, with SHA-256 {digest}"
    assert said.kept == [line]
    (folder / place).unlink()
    again = calico()
    assert again.are_rendered()
    assert again.objects() == found.objects()
    assert said.kept == [line]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(("content", "reason"), [("<html>", "no manifest"), (None, "404")])
def test_what_is_served_for_a_version_that_is_not_there_is_one_line(
    choose: Callable[..., None], site: tuple[str, Path], content: str | None, reason: str
) -> None:
    address, folder = site
    if content:
        atomic.write(folder / "projectcalico/calico/v3.99.0/manifests/calico.yaml", content)
    cache = str(folder.with_name("cache"))
    choose(PROFILE="physical", CALICO_VERSION="v3.99.0", MANIFEST_SITE=address, CACHE_DIR=cache)
    found = calico()
    with pytest.raises(Problem, match=f"^{address}projectcalico.*{reason}"):
        found.objects()
    assert not found.are_rendered()

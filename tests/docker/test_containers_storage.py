"""An image that buildah has built, copied into a real engine."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client, images
from tasks.engines.docker.containers_storage import Store
from tasks.engines.host import apt
from tasks.engines.programs import shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an image in a store of buildah; the engine gets rid of what it is given under that name."""
    service.ensure()
    apt.install({"buildah": "buildah"})
    settings = tmp_path / "storage.conf"
    folders = f'graphroot = "{tmp_path}/root"\nrunroot = "{tmp_path}/run"'
    settings.write_text(f'[storage]\ndriver = "vfs"\n{folders}\n', encoding="utf-8")
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(settings))
    (tmp_path / "file").write_bytes(os.urandom(1 << 20))
    name = f"localhost/openkasugai-test:{uuid.uuid4().hex[:8]}"
    working = shell.run(["buildah", "from", "scratch"]).stdout.strip()
    shell.run(["buildah", "copy", "--quiet", working, tmp_path / "file", "/file"])
    shell.run(["buildah", "config", "--label", "made=by buildah", working])
    shell.run(["buildah", "commit", "--quiet", "--rm", working, name])
    yield name
    images.remove(name)


def test_an_image_of_buildah_is_found_with_its_size_and_copied(built: str, tmp_path: Path) -> None:
    (stored,) = Store("buildah", is_roots=True).images()
    assert stored.name == built
    assert 1 << 20 <= stored.size < 1 << 21
    assert images.find(built) is None
    stored.load()
    assert images.require(built).labels["made"] == "by buildah"
    assert built in images.tags()
    engine = client.client()
    container = engine.containers.create(built, ["/file"])
    try:
        chunks, facts = container.get_archive("/file")
        assert facts
        assert facts["size"] == 1 << 20
        assert (tmp_path / "file").read_bytes() in b"".join(chunks)
    finally:
        container.remove()

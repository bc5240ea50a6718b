"""tasks.engines.docker.containers_storage: images of podman and buildah, found and copied."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import containers_storage
from tasks.problems import Problem
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.programs import Programs

NAME = "localhost/gpu_infer_tcp:1.1.0"
# What podman 4.3 and buildah 1.28 list.
PODMAN = json.dumps([{"Names": [NAME, "localhost/same:1"], "Size": 302902}, {"Names": None, "Size": 5}])
BUILDAH = json.dumps([{"names": [NAME], "size": "22.1 GB"}, {"names": None, "size": "303 KB"}])
NO_SUDO = Answer(err="sudo: a password is required\n", code=1)


@pytest.fixture
def bare(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A PATH with nothing but the test's programs and what these call."""
    (tmp_path / "cat").symlink_to(str(shutil.which("cat")))
    monkeypatch.setenv("PATH", f"{programs.folder}:{tmp_path}")
    return programs


@pytest.fixture
def as_root(act_as: Callable[[int], None]) -> None:
    act_as(0)


def found() -> list[tuple[str, int]]:
    return [(one.name, one.size) for store in containers_storage.stores() for one in store.images()]


def test_there_is_no_store_without_a_program(bare: Programs) -> None:
    assert containers_storage.stores() == []
    assert bare.calls == []


@pytest.mark.parametrize(
    ("program", "listed", "images"),
    [
        ("podman", PODMAN, [(NAME, 302902), ("localhost/same:1", 302902)]),
        ("buildah", BUILDAH, [(NAME, 22_100_000_000)]),
        ("podman", "[]", []),
    ],
)
@pytest.mark.usefixtures("as_root")
def test_images_have_the_name_and_size_that_either_program_lists(
    bare: Programs, program: str, listed: str, images: list[tuple[str, int]]
) -> None:
    bare.put(program, listed)
    assert found() == images


def test_a_user_has_a_store_beside_roots(bare: Programs, act_as: Callable[[int], None]) -> None:
    act_as(1000)
    bare.put("buildah", "[]")
    bare.put("sudo", BUILDAH)
    assert found() == [(NAME, 22_100_000_000)]
    assert bare.calls == [["buildah", "images", "--json"], ["sudo", "-n", "buildah", "images", "--json"]]


def test_a_store_that_cannot_be_looked_into_is_said(bare: Programs, act_as: Callable[[int], None]) -> None:
    act_as(1000)
    bare.put("podman", Answer(err="time=... \ncannot set up namespace\n", code=125))
    bare.put("sudo", NO_SUDO)
    own, roots = containers_storage.stores()
    with pytest.raises(Problem, match="the user's store of podman cannot be looked into: cannot set up namespace"):
        own.images()
    with pytest.raises(Problem, match=r"root's store of podman .*: sudo: a password is required") as caught:
        roots.images()
    assert caught.value.hint == "sudo -v, then the same command"


@pytest.mark.usefixtures("engine", "as_root")
@pytest.mark.parametrize(
    ("program", "listed", "writing"),
    [
        ("podman", PODMAN, ["save", "--format", "docker-archive", NAME]),
        ("buildah", BUILDAH, ["push", "--quiet", NAME, f"docker-archive:/dev/stdout:{NAME}"]),
    ],
)
def test_an_image_is_piped_into_docker(bare: Programs, program: str, listed: str, writing: list[str]) -> None:
    bare.put("docker", "", {"buildx version": "github.com/docker/buildx v0.17.1"})
    bare.put(program, listed, {writing[0]: "the archive"})
    stored = containers_storage.stores()[0].images()[0]
    stored.load()
    assert bare.input("docker") == "the archive"
    assert [program, *writing] in bare.calls
    bare.put(program, listed, {writing[0]: Answer(err="no space left on device", code=1)})
    with pytest.raises(Problem, match=f"{program} {writing[0]} failed with exit code 1") as caught:
        stored.load()
    assert caught.value.details == "no space left on device"


@pytest.mark.usefixtures("engine", "as_root")
def test_the_engine_that_refuses_an_image_is_named(bare: Programs) -> None:
    bare.put("podman", PODMAN, {"save": "the archive"})
    bare.put("docker", Answer(err="invalid tar header", code=1), {"buildx version": "v0.17.1"})
    with pytest.raises(Problem, match="docker load failed with exit code 1"):
        containers_storage.stores()[0].images()[0].load()

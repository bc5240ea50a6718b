"""tasks.engines.docker.embedded_mounts: which of the machine's mounts are an engine's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.engines.docker import embedded_mounts
from tasks.engines.docker.embedded_home import Engine
from tasks.engines.docker.embedded_mounts import Mount

HOME, RUN = Path("/cache [1]/engine"), Path("/run/okai")
DATA = f"{HOME}/data"
LAYER = f"{DATA}/overlay2/0fcb/merged"
ROOT = Mount("1", "0", "254:0", "/", "/", "ext4")
ITSELF = Mount("2", "1", "254:0", DATA, DATA, "ext4")
# The mounts of a user: disks at the data folder and the cache folder, and bind mounts below.
DISK = Mount("3", "1", "8:1", "/", DATA, "xfs")
CACHE_DISK = Mount("4", "1", "8:1", "/", "/cache [1]", "xfs")
BOUND = Mount("5", "1", "254:0", "/big/docker", DATA, "ext4")
OVERLAY = Mount("6", "1", "0:50", "/", LAYER, "overlay")


@pytest.mark.parametrize(
    ("line", "point"),
    [
        (b"36 27 0:50 / /a/b rw,relatime shared:4 - overlay overlay rw", "/a/b"),
        (b"36 27 0:50 / /a\\040b/c\\134d rw - overlay overlay rw", "/a b/c\\d"),
        ("36 27 0:50 / /ä/日本 rw shared:1 master:2 - overlay overlay rw".encode(), "/ä/日本"),
        (b"36 27 0:50 / /a/- rw - overlay overlay rw", "/a/-"),
    ],
)
def test_mounts_are_read_as_the_kernel_writes_them(line: bytes, point: str) -> None:
    assert embedded_mounts.parse(line) == Mount("36", "27", "0:50", "/", point, "overlay")


@pytest.mark.parametrize(
    ("mounts", "own"),
    [
        ([ROOT, ITSELF, OVERLAY._replace(parent="2")], [LAYER, DATA]),
        ([ROOT, OVERLAY], [LAYER]),
        ([ROOT, DISK], []),
        ([ROOT, DISK, OVERLAY._replace(parent="3")], [LAYER]),
        ([ROOT, BOUND], []),
        ([ROOT, CACHE_DISK], []),
        ([ROOT, CACHE_DISK, Mount("7", "4", "8:1", "/engine/data", DATA, "xfs")], [DATA]),
        # A disk that a user mounted over the folder or within it while the engine ran.
        ([ROOT, ITSELF, DISK._replace(parent="2")], []),
        ([ROOT, ITSELF, Mount("7", "2", "8:1", "/", f"{DATA}/volumes/x/_data", "xfs")], []),
        ([ROOT, Mount("7", "1", "0:51", "/", f"{DATA}/overlay2/0fcb/merged/mnt", "overlay")], []),
        ([ROOT, Mount("7", "1", "8:1", "/", f"{DATA}/containers/0fcb/mounts/shm", "xfs")], []),
        ([ROOT, Mount("7", "1", "0:52", "/", f"{DATA}/containers/0fcb/mounts/shm", "tmpfs")],
         [f"{DATA}/containers/0fcb/mounts/shm"]),
        ([ROOT, Mount("7", "1", "0:4", "net:[1]", f"{RUN}/exec/netns/8b02", "nsfs")], [f"{RUN}/exec/netns/8b02"]),
        ([ROOT, Mount("7", "1", "0:4", "net:[1]", "/run/netns/8b02", "nsfs")], []),
        ([ROOT, Mount("7", "1", "0:50", "/", "/var/lib/docker/overlay2/0fcb/merged", "overlay")], []),
    ],
)  # fmt: skip
def test_only_what_the_engine_mounted_is_its_own(mounts: list[Mount], own: list[str]) -> None:
    assert embedded_mounts.own(Engine(HOME, RUN), mounts) == own

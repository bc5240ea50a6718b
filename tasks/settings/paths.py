"""Where things are: the folders of a checkout, and the cache that checkouts share."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"

ENV = ROOT / "env"
KIND = ROOT / "kind"
MANIFEST = ROOT / "manifest"
# The dataflow patterns of the project, and those of the user.
PATTERNS = MANIFEST / "patterns"
SRC = ROOT / "src"
SAMPLE = SRC / "sample-controller"
DRIVER = ROOT / "driver" / "nvidia"
WORK = ROOT / "work"
OWN_PATTERNS = WORK / "patterns"
OWN_FUNCTIONS = WORK / "functions"
# What came out of the dataflows: the user's, so `clean` leaves it.
RESULT = WORK / "RESULT"

BUILD = ROOT / "build"
RENDERED = BUILD / "rendered"
SCENARIOS = BUILD / "scenarios"
CONTROLLER = BUILD / "controller"
# Beside the folder, not in it: it is written last, so that its absence shows that the source is incomplete.
CONTROLLER_MARK = BUILD / "controller.json"
# What the files of the folder that it was copied from hold.
CONTROLLER_FILES = BUILD / "controller-files.json"
REGISTRY_CA = BUILD / "registry" / "ca.crt"
PATTERN_INDEX = BUILD / "patterns.json"
PATTERN_REVIEWS = BUILD / "pattern-reviews.json"
TASK_DATABASE = BUILD / "doit.db"
LAST_PARAMETERS = BUILD / "last-parameters.json"
RUN_LOCK = BUILD / "run.lock"

# Where a plan makes what a run would make in BUILD: at most one folder.
_scratch: list[Path] = []


def source() -> Path:
    """Return where this process finds the controller's source: build/controller, or what a plan has made of it."""
    return _scratch[0] / CONTROLLER.name if _scratch else CONTROLLER


def source_mark() -> Path:
    """Return the file that says what `source` was made from, and that it is complete."""
    return source().with_name(CONTROLLER_MARK.name)


def rendered() -> Path:
    """Return the folder for new manifests of this process; those that are kept are in RENDERED."""
    return _scratch[0] / RENDERED.name if _scratch else RENDERED


def lasting(path: Path) -> Path:
    """Return the path in BUILD for one in the folder of a plan, as messages name it; any other stays as it is."""
    return BUILD / path.relative_to(_scratch[0]) if _scratch and path.is_relative_to(_scratch[0]) else path


@contextmanager
def rehearsed_in(folder: Path) -> Iterator[None]:
    """Let this process find the controller's source in another folder, where a plan makes it.

    Args:
        folder: The folder in place of BUILD.
    """
    _scratch.append(folder)
    try:
        yield
    finally:
        _scratch.remove(folder)


def cluster_dir(cluster_name: str) -> Path:
    """Return the folder for everything that belongs to one cluster, such as its rendered config and log archives."""
    return BUILD / f"cluster-{cluster_name}"


def kubeconfig(cluster_name: str) -> Path:
    """Return the kubeconfig with which this tool reaches one cluster."""
    return cluster_dir(cluster_name) / "kubeconfig"

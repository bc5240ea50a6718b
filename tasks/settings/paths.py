"""Where things are: the folders of a checkout, and the cache that checkouts share."""

from __future__ import annotations

from pathlib import Path

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


def cluster_dir(cluster_name: str) -> Path:
    """Return the folder for everything that belongs to one cluster, such as its rendered config and log archives."""
    return BUILD / f"cluster-{cluster_name}"


def kubeconfig(cluster_name: str) -> Path:
    """Return the kubeconfig with which this tool reaches one cluster."""
    return cluster_dir(cluster_name) / "kubeconfig"

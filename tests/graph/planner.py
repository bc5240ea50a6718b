"""A small world of tasks, whose plans are compared with what a run then does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Checkout

# The names are those of the real graph, because `meta` refers to tasks by name. Every made thing is a file that holds
# its recipe. IMG_TAG goes into the lowest image, GO_VERSION into _ready. What is in the cluster goes with it.
WORLD = """
from tasks import lack as lacks
from tasks.runner.declare import Current, Do, Same
from tasks.runner.meta import DISRUPTS, LOOKS_ONLY, MEANS, NAMED_BY_INPUTS, REMAKES_ALL
from tasks.problems import Problem
from tasks.runner.reporter import Reporter
from tasks.settings import parameters, paths

paths.BUILD.mkdir(exist_ok=True)
DOIT_CONFIG = {"backend": "sqlite3", "dep_file": str(paths.TASK_DATABASE), "reporter": Reporter, "verbosity": 2}
THINGS = paths.ROOT / "world"
DAEMON = THINGS / "daemon"


RECIPES, IN_THE_CLUSTER = {}, ("_ready", "managers")


def recipe(name):
    parent, parameter = RECIPES[name]
    above = recipe(parent) if parent else ""
    return f"{name}({above}{getattr(parameters.current(), parameter) if parameter else ''})"


def lack(name):
    if not DAEMON.exists():
        raise Problem("no daemon answers")
    if not (THINGS / name).exists():
        return lacks.absent(name)
    wanted, found = recipe(name), (THINGS / name).read_text()
    if wanted == found:
        return lacks.NOTHING
    change = lacks.remade(f"{name}: {found} -> {wanted}")
    return change + lacks.obstacle("needs consent: RECREATE=1") if is_refused(name) else change


def is_refused(name):
    return name == "_kind" and (THINGS / name).exists() and not parameters.current().recreate


def make(name):
    if is_refused(name):
        raise Problem("needs consent: RECREATE=1")
    if name == "_kind":
        for inside in IN_THE_CLUSTER:
            (THINGS / inside).unlink(missing_ok=True)
    (THINGS / name).write_text(recipe(name))


def daemon():
    note = THINGS / "note"
    noted = lacks.noted(note.read_text()) if note.exists() else lacks.NOTHING
    return noted + lacks.unless(DAEMON.exists(), "its check says so")


def thing(name, parent="", parameter="", needs=()):
    RECIPES[name] = (parent, parameter)
    return {"actions": [Do(make, name)], "uptodate": [Current(lack, name)], "task_dep": list(needs)}


def chosen():
    return {"task_dep": ["image:" + parameters.current().cni]}


def task_engine():
    return {"actions": [Do(DAEMON.touch)], "uptodate": [Current(daemon)], "meta": LOOKS_ONLY}


def task_image():
    meta = NAMED_BY_INPUTS
    yield {"name": "lower", "meta": meta, **thing("lower", parameter="img_tag", needs=["engine"])}
    yield {"name": "upper", "meta": meta, **thing("upper", "lower", needs=["image:lower"])}
    yield {"name": "bridge", "meta": meta, **thing("bridge", needs=["engine"])}
    yield {"name": "calico", "meta": meta, **thing("calico", needs=["engine"])}


def task_images():
    return {"actions": None, "task_dep": ["image:upper"]}


def task__chosen():
    return {"actions": [Do(chosen)], "uptodate": [Same(chosen)]}


def task__kind():
    return {**thing("_kind", "upper", needs=["images"]), "calc_dep": ["_chosen"], "meta": {MEANS: REMAKES_ALL}}


def task__ready():
    return {**thing("_ready", parameter="go_version", needs=["_kind"]), "meta": {MEANS: REMAKES_ALL}}


def task_controller():
    meta = {DISRUPTS: "the controller: it restarts where it changed", MEANS: REMAKES_ALL}
    yield {"name": "managers", "meta": meta, **thing("managers", needs=["_ready"])}


def task_dataflow():
    yield {"name": "verify", "actions": [Do(lambda: None)], "task_dep": ["controller"]}


def task_create_cluster_with_all():
    return {"actions": None, "task_dep": ["controller"]}
"""
ALL = {"engine", "image:lower", "image:upper", "image:bridge", "_chosen", "_kind", "_ready", "controller:managers"}


@dataclass(frozen=True)
class Planner:
    """A checkout with the small graph."""

    checkout: Checkout
    cache: Path

    @property
    def world(self) -> Path:
        return self.checkout.root / "world"

    def plan(self, *words: str, **env: str) -> tuple[int, dict[str, Any]]:
        """Return the exit code and the tasks by name, and check that nothing was touched."""
        before = self._everything()
        done = self.checkout.doit("plan", "--json", *words, env=self._env(env))
        assert self._everything() == before, "the plan changed something"
        assert done.stderr == ""
        content = json.loads(done.stdout)
        assert content["changes"] == (done.returncode == 2)
        return done.returncode, {one["name"]: one for one in content["tasks"]}

    def text(self, *words: str, **env: str) -> str:
        return self.checkout.doit("plan", *words, env=self._env(env)).stdout

    def run(self, *words: str, **env: str) -> tuple[int, set[str]]:
        """Return the exit code and the tasks that ran, including those that failed."""
        done = self.checkout.doit(*(words or ["create_cluster_with_all"]), env=self._env(env))
        return done.returncode, set(re.findall(r"^(\S+): (?:done|failed) ", done.stdout, re.MULTILINE))

    def _env(self, env: Mapping[str, str]) -> dict[str, str]:
        return {"CACHE_DIR": str(self.cache), **env}

    def _everything(self) -> dict[str, bytes]:
        roots = (self.world, self.cache, self.checkout.root / "build")
        files = (file for root in roots if root.exists() for file in root.rglob("*") if file.is_file())
        # doit itself creates the database as soon as one of its commands reads it.
        return {str(file): file.read_bytes() for file in files if file.name != "doit.db"}


def states(tasks: Mapping[str, Any]) -> dict[str, str]:
    return {name: task["state"] for name, task in tasks.items() if task["state"] != "up to date"}


def holds_true(planned: Mapping[str, Any], ran: set[str]) -> None:
    """Check that everything that the plan promised ran, and nothing that it left out."""
    moving = {name for name, task in planned.items() if task["state"] in {"run", "stop", "unknown"}}
    promised = {name for name, task in planned.items() if task["state"] in {"run", "stop"}}
    assert promised <= ran <= moving

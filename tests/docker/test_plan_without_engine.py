"""`doit plan` where no engine answers yet, compared with what the run then does, in a network namespace of its own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.settings import artifacts, parameters

if TYPE_CHECKING:
    from tests.conftest import Checkout
    from tests.docker.private_engine import PrivateEngine

# Exit code 2 says that there is something to do.
PLAN = '"$0" plan --json "$1" || [ $? = 2 ]'
LAST = "registry_ca"
MOST_UNKNOWN = 3


def planned(private: PrivateEngine, checkout: Checkout, task: str) -> dict[str, str]:
    """Return the state of each task of a plan by name."""
    content = json.loads(private.inside("sh", "-c", PLAN, str(checkout.root / "doit"), task))
    return {one["name"]: one["state"] for one in content["tasks"]}


def lend_programs(private: PrivateEngine) -> None:
    """Put the compiled programs of the registry into the cache, since the namespace reaches no module proxy."""
    compiled = private.cache / "go" / "out"
    for artifact in (artifacts.REGISTRY, artifacts.CA_SERVER):
        made = (parameters.current().cache_dir / "go" / "out").glob(f"{artifact.name}-*")
        for folder in filter(Path.is_dir, made):
            shutil.copytree(folder, compiled / folder.name)


def test_what_is_in_an_engine_that_is_not_there_yet_is_made(private: PrivateEngine, checkout: Checkout) -> None:
    lend_programs(private)
    states = planned(private, checkout, LAST)
    output = private.inside(str(checkout.root / "doit"), LAST)
    ran = set(re.findall(r"^(\S+): done ", output, re.MULTILINE))
    assert {name for name, state in states.items() if state != "up to date"} == ran
    assert "unknown" not in states.values()
    assert {"engine", "image:openkasugai-registry", "registry", LAST} <= ran
    assert set(planned(private, checkout, LAST).values()) == {"up to date"}


@pytest.mark.parametrize("task", ["dataflow:calcapp-basic", "create_cluster_with_all"])
def test_from_nothing_nearly_all_is_known(private: PrivateEngine, checkout: Checkout, task: str) -> None:
    states = planned(private, checkout, task)
    assert len([name for name, state in states.items() if state == "unknown"]) <= MOST_UNKNOWN
    assert {states[name] for name in ("engine", "image:base", "_kind", "controller:daemons")} == {"run"}

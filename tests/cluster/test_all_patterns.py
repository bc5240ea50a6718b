"""One command verifies every pattern: all of them can run in the lab."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tasks.controller.kinds import DATA_FLOW
from tasks.engines.kube import manifests
from tasks.engines.programs import waiting
from tasks.patterns import known
from tests.cluster.lab import ANSWERS, BASIC, NAME, answers, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

HEADING = re.compile(r"^(\S+) \(\d+ of \d+\): ", re.MULTILINE)
RESULT = re.compile(r"^(\S+) +(?:clusterip|loadbalancer|sriov) .* (verified|failed|not run|cannot run) ", re.MULTILINE)
FIRST, SECOND = f"{NAME}-worker", f"{NAME}-worker2"
PLACE = re.compile(rf"^(\w+) +({NAME}-worker2?) ", re.MULTILINE)
TWIN = "calcapp-basic-multi-worker"
SECONDS = 120.0


@pytest.fixture
def emptied(verified: Lab) -> Iterator[Lab]:
    """The lab, in which all dataflows but the verified one are deleted afterwards, at the same time."""
    yield verified
    for item in others(verified):
        verified.api.delete(DATA_FLOW, manifests.name_of(item), manifests.namespace_of(item))
    waiting.until("the other dataflows: gone", lambda: others(verified), lambda left: not left, deadline=SECONDS)


def others(lab: Lab) -> list[manifests.Object]:
    live = [item for namespace in known.namespaces() for item in lab.api.list(DATA_FLOW, namespace)]
    return [item for item in live if manifests.name_of(item) != "df-calcapp"]


def sections(output: str) -> dict[str, str]:
    """Return what was said about each pattern, by its name."""
    _before, *parts = HEADING.split(output)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_pattern_is_verified_and_each_twin_is_spread_over_both_workers(emptied: Lab) -> None:
    output = emptied.run("dataflow")
    assert dict(RESULT.findall(output)) == dict.fromkeys(known.table().by_name, "verified")
    assert f"{len(known.table().by_name)} verified, of {len(known.table().by_name)} patterns" in output

    said = sections(output)
    assert answers(said[TWIN]) == ANSWERS
    for name, pattern in known.table().by_name.items():
        if pattern.is_placed:
            assert dict(PLACE.findall(said[name])) == pattern.nodes((FIRST, SECOND)), name
    # The fixture had deployed calcapp-basic: it is there again, although its twin had replaced it.
    assert list(said)[:2] == [TWIN, "calcapp-basic"]
    output = emptied.run(BASIC)
    assert started(output) == [BASIC]
    assert "deleting it first" not in output

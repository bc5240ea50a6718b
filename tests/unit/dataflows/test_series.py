"""tasks.dataflows.series: what a run over all patterns does, takes away and says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import series
from tasks.dataflows.series import CANNOT_RUN, FAILED, NOT_RUN, VERIFIED, Outcome, Series, Standing
from tasks.patterns import known
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.conftest import Lines

# The virtual functions of the workers together.
_VFS = 8
BASIC, TWIN = "calcapp-basic", "calcapp-basic-multi-worker"


@dataclass
class World:
    """A cluster in which nothing but virtual functions may run out.

    Attributes:
        deployed: The pattern of each DataFlow that is there.
        broken: What goes wrong with a pattern.
        did: What was done, in order.
        for_user: The patterns that were deployed for the user.
    """

    deployed: dict[str, str] = field(default_factory=dict)
    broken: dict[str, BaseException] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    for_user: list[str] = field(default_factory=list)

    def make_way(self, name: str) -> bool:
        dataflow = known.named(name).dataflow
        if self.deployed.get(dataflow, name) != name:
            del self.deployed[dataflow]
        return dataflow in self.deployed

    def shortages(self, name: str) -> list[str]:
        free = _VFS - sum(known.named(other).vfs for other in self.deployed.values())
        return [f"{free} of {_VFS} free"] if known.named(name).vfs > free else []

    def frees(self, other: str, name: str) -> bool:
        return bool(known.named(other).vfs and known.named(name).vfs)

    def take_away(self, name: str) -> None:
        self.did.append(f"take away {name}")
        del self.deployed[known.named(name).dataflow]

    def settled(self, name: str) -> list[str]:
        return self.shortages(name)

    def deploy(self, name: str, *, for_user: bool) -> None:
        self.did.append(f"{'keep' if known.named(name).dataflow in self.deployed else 'deploy'} {name}")
        self.deployed[known.named(name).dataflow] = name
        if for_user:
            self.for_user.append(name)

    def verify(self, name: str) -> None:
        if name in self.broken:
            raise self.broken[name]


def run(world: World, names: Sequence[str], *standing: Standing) -> dict[str, Outcome]:
    world.deployed |= {known.named(each.name).dataflow: each.name for each in standing}
    return {outcome.name: outcome for outcome in Series(world, names, standing).outcomes()}


def results(outcomes: dict[str, Outcome]) -> list[str]:
    return [outcome.result for outcome in outcomes.values()]


def test_a_failure_does_not_end_the_run_and_is_explained_once(said: Lines) -> None:
    world = World(broken={"p1c1": Problem("nothing plays", hint="./doit x", details="pod p: Pending")})
    outcomes = run(world, [BASIC, "p1c1", "p1c2"])
    assert results(outcomes) == [VERIFIED, FAILED, VERIFIED]
    assert outcomes["p1c1"].reason == "nothing plays"
    assert sum("pod p: Pending" in line for line in said.kept) == 1
    assert [line.split(":")[0] for line in said.kept if " of 3)" in line] == [
        "\ncalcapp-basic (1 of 3)",
        "\np1c1 (2 of 3)",
        "\np1c2 (3 of 3)",
    ]


def test_a_bug_is_no_result() -> None:
    with pytest.raises(ZeroDivisionError):
        run(World(broken={BASIC: ZeroDivisionError()}), [BASIC, "p1c1"])


def test_what_the_run_deployed_is_taken_away_only_for_want_of_room_and_the_oldest_first() -> None:
    world = World()
    names = ["p1c1", "p2c3", "p3c1", "calcapp-sriov", "p1c2"]
    assert set(results(run(world, names))) == {VERIFIED}
    assert world.did == [
        "deploy p1c1",
        "deploy p2c3",
        "deploy p3c1",
        "take away p2c3",
        "take away p3c1",
        "deploy calcapp-sriov",
        "deploy p1c2",
    ]


def test_what_failed_may_be_taken_away_too() -> None:
    world = World(broken={"p2c3": Problem("does not answer")})
    outcomes = run(world, ["p2c3", "calcapp-sriov"])
    assert results(outcomes) == [FAILED, VERIFIED]
    assert "take away p2c3" in world.did


def test_what_the_user_deployed_stays_and_is_named_where_it_stands_in_the_way(said: Lines) -> None:
    world = World()
    outcomes = run(world, ["calcapp-sriov", "p1c1"], Standing("p3c1", is_users=True), Standing(BASIC, is_users=True))
    assert results(outcomes) == [NOT_RUN, VERIFIED]
    reason = "6 of 8 free; df-cpu-p3c1 was deployed before (./doit delete_dataflow:p3c1)"
    assert outcomes["calcapp-sriov"].reason == reason
    assert f"calcapp-sriov: not run: {reason}" in said.kept
    assert world.deployed["df-cpu-p3c1"] == "p3c1"


def test_what_an_earlier_run_left_is_taken_away() -> None:
    world = World()
    assert results(run(world, ["calcapp-sriov"], Standing("p3c1", is_users=False))) == [VERIFIED]
    assert world.did == ["take away p3c1", "deploy calcapp-sriov"]


@pytest.mark.parametrize("form", [BASIC, TWIN])
def test_the_users_dataflow_is_there_again_in_its_form(form: str) -> None:
    world = World()
    run(world, [BASIC, TWIN], Standing(form, is_users=True))
    assert world.deployed["df-calcapp"] == form
    assert form in world.for_user


def test_the_users_dataflow_is_owed_until_it_is_there_again() -> None:
    world = World(deployed={"df-calcapp": BASIC})
    series_of_two = Series(world, [BASIC, TWIN, "p1c1"], [Standing(BASIC, is_users=True)])
    seen = [(outcome.name, {**series_of_two.owed}) for outcome in series_of_two.outcomes()]
    assert seen == [(TWIN, {"df-calcapp": BASIC}), (BASIC, {}), ("p1c1", {})]


@pytest.mark.parametrize(("form", "other"), [(BASIC, TWIN), (TWIN, BASIC)])
def test_what_an_earlier_run_left_is_verified_before_its_twin_replaces_it(form: str, other: str) -> None:
    world = World()
    run(world, [BASIC, TWIN], Standing(form, is_users=False))
    assert world.did == [f"keep {form}", f"deploy {other}"]
    assert world.for_user == []


def test_a_pattern_and_its_twin_follow_each_other() -> None:
    names = [*known.table().by_name]
    assert series.ordered(names, []) == names
    scattered = ["p1c1", BASIC, "p1c1-multi-worker", TWIN]
    assert series.ordered(scattered, []) == ["p1c1", "p1c1-multi-worker", BASIC, TWIN]


def test_the_table_has_a_line_for_each_pattern_and_reasons_where_there_are_any() -> None:
    outcomes = [
        Outcome("p2c3", FAILED, "dsa was passed by: " + "x" * 80 + "\nmore", 12.34),
        Outcome(BASIC, VERIFIED, seconds=3.0),
        Outcome("p1c2", CANNOT_RUN, "addresses: none"),
    ]
    lines = series.table(outcomes, lambda pattern: ("cards", "GPU") if pattern.vfs else ()).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["pattern", "network", "stood", "in", "for", "result", "seconds", "reason"],
        [BASIC, "clusterip", "-", "verified", "3.0"],
        ["p1c2", "loadbalancer", "-", "cannot", "run", "addresses:", "none"],
    ]
    assert lines[3].startswith("p2c3           sriov         cards, GPU    failed      12.3     dsa was passed by: xxx")
    assert "more" not in lines[3]
    assert "reason" not in series.table(outcomes[1:2], lambda _pattern: ())

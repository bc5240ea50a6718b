"""The entry points of lending: whose cards are given back, when, and what is reported."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.engines.files import ledgers as engine_ledgers
from tasks.engines.host.namespaces import World
from tasks.nics import cards, emulated, udev, wish
from tasks.nics import ledger as nics_ledger
from tasks.nics import status as nics_status
from tasks.nics.ledger import Ledger
from tasks.problems import Problem
from tasks.settings import nics as settings
from tasks.settings import parameters
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import HOST, LEFT, NODE
from tests.unit.engine import node
from tests.unit.nics.world import Machine, lent, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.programs import Programs


class ReachedError(Exception):
    """Giving back has begun."""


class Watched(Machine):
    """A machine that raises an error when it is looked at; the machine's lock has to be held then."""

    def survey(self, *, everywhere: bool = False) -> World:
        with (settings.LEDGERS / ".run.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise ReachedError


def without_a_route() -> Ledger:
    """Return the ledger of a card that has lost a route, which the kernel refuses to add again."""
    route = {"family": "inet", "dst": "10.52.0.0/16", "scope": "link"}
    return replace(lent(), devices={LEFT: record("ens9f0np0", routes=(route,))})


def test_card_that_carries_a_bridge_by_now_is_left_and_its_cluster_goes(
    sysfs: Path, ledgers: Path, said: Lines
) -> None:
    nics_ledger.save(Ledger("kind", "boot", {LEFT: record("ens9f0np0", mtu=9000)}))
    host = card.world().host
    links = tuple(replace(one, master="br0") if one.bdf == "0000:17:00.4" else one for one in host.links)
    machine = Machine(found=World((replace(host, links=links),)))
    cards.let_go("kind", machine)
    assert machine.orders == []
    assert "ens9f0v2 is left as it is: it is a member of br0" in said.kept[-1]
    assert nics_ledger.load("kind") is not None


def test_ledger_of_another_checkout_is_left_to_it(ledgers: Path, other: Path, said: Lines) -> None:
    theirs = replace(lent(), checkout=str(other))
    nics_ledger.save(theirs)
    cards.restore("kind", Machine())
    cards.let_go("kind", Machine())
    assert said.kept == 2 * [f"Left to {other}: the network cards that its cluster kind has borrowed."]
    assert nics_ledger.load("kind") == theirs


def test_what_a_checkout_that_is_gone_had_lent_is_given_back(sysfs: Path, ledgers: Path, other: Path) -> None:
    nics_ledger.save(replace(lent(), checkout=str(other)))
    (other / "dodo.py").unlink()
    with pytest.raises(ReachedError):
        cards.restore("kind", Watched())


def test_one_run_of_the_machine_lends_at_a_time(sysfs: Path, ledgers: Path) -> None:
    nics_ledger.save(lent())
    with pytest.raises(ReachedError):
        cards.restore("kind", Watched())


def test_a_cluster_goes_once_every_device_is_on_the_host_and_what_differs_is_said(
    sysfs: Path, ledgers: Path, said: Lines
) -> None:
    nics_ledger.save(without_a_route())
    machine = Machine(found=card.world())
    cards.let_go("kind", machine)
    assert f"{LEFT} ens9f0np0: lost the route 10.52.0.0/16" in said.kept[-1]
    assert f"sudo rm {ledgers / 'kind.json'}" in said.kept[-1]
    left = nics_ledger.load("kind")
    assert left == replace(without_a_route(), home=True)
    assert udev.rule(left) == ""
    with pytest.raises(Problem, match="on the host again, but not as they were"):
        cards.restore("kind", machine)


def test_a_cluster_stays_while_a_device_is_not_on_the_host(sysfs: Path, ledgers: Path) -> None:
    nics_ledger.save(lent())
    world = card.world(lambda found: NODE if found["ifname"] == "ens9f0np0" else HOST)
    with pytest.raises(Problem, match=f"lent network cards are not back: {LEFT}"):
        cards.let_go("kind", Machine(found=world, stuck="ens9f0np0"))


def test_nothing_is_asked_where_nothing_is_lent(ledgers: Path, choose: Callable[..., None]) -> None:
    choose()
    cards.restore("kind", Machine())
    assert not cards.still_lent("kind")
    assert cards.lack("kind-worker") == lacks.of("kind-worker: has no ens9f0np0 yet")


def test_what_is_still_lent_is_said(ledgers: Path) -> None:
    nics_ledger.save(lent())
    assert cards.still_lent("kind") == lacks.of("cluster kind: has network cards")


@pytest.fixture
def emulating(ledgers: Path, choose: Callable[..., None], engine: Engine) -> Engine:
    """An engine with a cluster whose workers are to have emulated cards; root is never needed for them."""
    choose(EMULATE="sriov", CLUSTER_NAME="kind")
    engine.containers["kind-worker"] = node("kind", addresses={"kind-sriov": "192.168.20.2"})
    engine.networks["kind-sriov"] = {"openkasugai.made": "1", emulated.CHECKOUT: engine_ledgers.here()}
    engine.subnets["kind-sriov"] = "192.168.20.0/24"
    return engine


def test_emulated_cards_are_there_and_go_without_root(emulating: Engine, programs: Programs, said: Lines) -> None:
    programs.put("docker")
    assert cards.still_lent("kind") == lacks.of("cluster kind: has emulated network cards")
    assert cards.lack_of_return()
    assert not cards.lack_of_return_as_root()
    assert not cards.lack_as_root("kind-worker")
    assert cards.lack("kind-worker2") == lacks.of("kind-worker2: has no emulated ens9f1np1 yet")
    cards.let_go("kind")
    assert emulating.networks == {}
    assert not cards.lack_of_return()
    cards.give_back()
    assert len(said.kept) == 1


def test_nothing_is_emulated_while_a_real_card_is_lent(emulating: Engine) -> None:
    nics_ledger.save(lent())
    with pytest.raises(Problem, match="EMULATE: cluster kind has ens9f0np0 of this machine"):
        cards.lend("kind-worker")
    assert "EMULATE: cluster kind has ens9f0np0" in cards.lack("kind-worker").obstacles[0]
    assert emulating.requests == []


def test_no_real_card_is_lent_while_there_are_emulated_ones(emulating: Engine, choose: Callable[..., None]) -> None:
    choose(CLUSTER_NAME="kind")
    with pytest.raises(Problem, match="EMULATE: cluster kind has emulated network cards"):
        cards.lend("kind-worker")
    assert cards.lack("kind-worker").obstacles
    assert emulating.requests == []


def test_the_status_of_emulated_cards_says_that_they_are(emulating: Engine, programs: Programs) -> None:
    programs.put("docker", "[]")
    (row,) = nics_status.emulated_rows(tuple(wish.wishes(parameters.current()).values()))
    assert (row.device, row.role, row.name, row.lent_to) == ("emulated", "PF", "ens9f0np0", "kind-worker")
    assert row.place == "has no emulated ens9f0np0 yet"
    emulating.containers["kind-worker"].state = "exited"
    (row,) = nics_status.emulated_rows(tuple(wish.wishes(parameters.current()).values()))
    assert row.place == "in kind-worker once it runs"


def test_each_worker_is_to_offer_the_functions_of_its_emulated_card(emulating: Engine) -> None:
    assert cards._functions(parameters.current()) == {"kind-worker": 8, "kind-worker2": 8}


def test_status_says_what_is_not_emulated_yet_and_looks_for_no_real_card(emulating: Engine, said: Lines) -> None:
    emulating.networks.clear()
    cards.status()
    assert said.kept == [
        "Nothing is lent, and ens9f0np0 and ens9f1np1 are not emulated yet (EMULATE=sriov): ./doit nics"
    ]
    cards.status(as_json=True)
    assert said.kept[1:] == ["[]"]

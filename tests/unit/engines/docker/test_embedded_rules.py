"""tasks.engines.docker.embedded_rules: the net result of recorded calls of iptables, and how they are recorded."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import embedded_rules
from tasks.engines.docker.embedded_home import Engine
from tasks.engines.docker.embedded_rules import Chain, Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines

FORWARD = Chain("iptables", "filter", "FORWARD")
USER = Chain("iptables", "filter", "DOCKER-USER")
NAT = Chain("ip6tables", "nat", "DOCKER")
JUMP = Rule(FORWARD, ("-j", "DOCKER-USER"))


def made(*calls: str) -> embedded_rules.Changes:
    return embedded_rules.changes("\x1f".join(call.split()) for call in calls)


@pytest.mark.parametrize(
    ("calls", "rules"),
    [
        (["iptables --wait -I FORWARD -j DOCKER-USER"], {JUMP: 1}),
        (["iptables --wait -t filter -I FORWARD 1 -j DOCKER-USER"], {JUMP: 1}),
        (["iptables -A FORWARD -j DOCKER-USER", "iptables -D FORWARD -j DOCKER-USER"], {}),
        # A rule that existed before is moved to the top: it still does not belong to the engine.
        (["iptables -D FORWARD -j DOCKER-USER", "iptables -I FORWARD -j DOCKER-USER"], {}),
        (["ip6tables -t nat -A DOCKER -i br -j RETURN"], {Rule(NAT, ("-i", "br", "-j", "RETURN")): 1}),
        (["iptables -A DOCKER-USER -j RETURN", "iptables -F DOCKER-USER"], {}),
        (["iptables --version", "iptables -t nat -D"], {}),
    ],
)
def test_rules_are_counted(calls: list[str], rules: dict[Rule, int]) -> None:
    assert {rule: count for rule, count in made(*calls).rules.items() if count > 0} == rules


def test_chains_and_policies_are_counted() -> None:
    found = made("iptables -N DOCKER-USER", "ip6tables -t nat -X DOCKER", "ip6tables -t nat -N DOCKER",
                 "iptables -P FORWARD DROP")  # fmt: skip
    assert {chain for chain, count in found.chains.items() if count > 0} == {USER}
    assert found.policies == {FORWARD: "DROP"}


def test_a_rule_tells_its_chain_and_its_interface() -> None:
    assert JUMP.target == USER
    assert not JUMP.is_of_an_interface
    masquerade = Rule(FORWARD, ("-s", "172.17.0.0/16", "!", "-o", "br", "-j"))
    assert masquerade.is_of_an_interface
    assert masquerade.target.name == ""


@pytest.fixture
def wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Engine, Path]:
    """An engine, and the wrapper of an iptables that prints a policy and refuses the chain NONE."""
    real = tmp_path / "a bin" / "iptables"
    real.parent.mkdir()
    real.write_text('#!/bin/sh\necho "-P FORWARD ACCEPT"\ncase "$*" in *NONE*) exit 3 ;; esac\n', encoding="ascii")
    real.chmod(0o755)
    monkeypatch.setenv("PATH", f"{real.parent}:/usr/bin:/bin")
    target = Engine(tmp_path / "ho me", tmp_path / "r'un")
    target.run.mkdir()
    return target, tmp_path.joinpath(embedded_rules.record(target), "iptables")


def test_a_call_that_succeeds_is_recorded_with_its_words(wrapped: tuple[Engine, Path]) -> None:
    target, wrapper = wrapped
    for words, code in {
        ("-A", "FORWARD", "--comment", "a 'word' *"): 0,
        ("-A", "NONE"): 3,
        ("-C", "FORWARD"): 0,
    }.items():
        done = subprocess.run([wrapper, *words], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (code, "-P FORWARD ACCEPT\n")
    found = embedded_rules.changes((target.run / "iptables-record").read_text(encoding="utf-8").splitlines())
    assert dict(found.rules) == {Rule(FORWARD, ("--comment", "a 'word' *")): 1}


def test_a_call_within_a_container_is_not_recorded(wrapped: tuple[Engine, Path], tmp_path: Path) -> None:
    target, wrapper = wrapped
    elsewhere = tmp_path / "readlink"
    elsewhere.write_text("#!/bin/sh\necho 'net:[1]'\n", encoding="ascii")
    elsewhere.chmod(0o755)
    done = subprocess.run([wrapper, "-N", "DOCKER_OUTPUT"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False)
    assert done.returncode == 0
    assert not (target.run / "iptables-record").exists()


def test_an_engine_that_recorded_nothing_undoes_nothing(
    wrapped: tuple[Engine, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Lines
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))  # so that running any program would fail
    embedded_rules.undo(wrapped[0], shared=False)
    assert said.kept == []
    embedded_rules.undo(Engine(tmp_path, tmp_path), shared=False)
    assert said.kept == [
        "Left the packet filter as it is: there is no record of the embedded Docker engine's rules."
    ], "one that an earlier version started"

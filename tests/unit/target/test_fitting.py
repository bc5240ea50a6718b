"""tasks.target.fitting: a pattern that asks for a place that no worker stands for is refused in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.patterns import known
from tasks.settings import paths
from tasks.target import fitting
from tests.unit import own_patterns

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = ("node-a",), ("node-a", "node-b")


def test_patterns_that_name_no_place_or_one_fit_a_single_worker(checkout: Path) -> None:
    del checkout
    assert [*fitting.against(known.named("calcapp-basic"), ONE)] == []


def test_a_twin_needs_two_workers(checkout: Path) -> None:
    del checkout
    (line,) = fitting.against(known.named("calcapp-basic-multi-worker"), ONE)
    assert line == "needs two workers, but TARGET_WORKERS has 1: node-a"
    assert [*fitting.against(known.named("calcapp-basic-multi-worker"), TWO)] == []


def _named(node: str) -> None:
    """Write a pattern whose functions all ask for a node by name."""
    file = own_patterns.write("mine") / "pattern.yaml"
    text = file.read_text(encoding="utf-8").replace("}\n  - {key", f", node: {node}}}\n  - {{key")
    text = text.replace("- {key: rcv, image: cpufunc_calcapp}", f"- {{key: rcv, image: cpufunc_calcapp, node: {node}}}")
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("multi_worker"))
    file.write_text(text, encoding="utf-8")
    known.forget()


def test_an_own_pattern_may_name_any_worker(checkout: Path) -> None:
    del checkout
    _named("node-b")
    assert known.named("mine").places == {"node-b"}
    assert [*fitting.against(known.named("mine"), TWO)] == []
    assert set(known.named("mine").nodes(TWO).values()) == {"node-b"}


def test_a_node_that_is_no_worker_is_told_with_file_and_line(checkout: Path) -> None:
    del checkout
    _named("node-c")
    lines = [*fitting.against(known.named("mine"), TWO)]
    assert len(lines) == len(known.named("mine").hops)
    assert lines[0].startswith("work/patterns/mine/pattern.yaml:")
    assert "functions[0].node: 'node-c' is no worker; they are node-a, node-b" in lines[0]
    number = lines[0].split(":")[1]
    assert "node: node-c" in (paths.OWN_PATTERNS / "mine/pattern.yaml").read_text("utf-8").splitlines()[int(number) - 1]


def test_a_single_worker_needs_functions_for_all_of_a_pattern() -> None:
    pattern = known.named("calcapp-sriov")
    assert [*fitting.crowded(pattern, ONE, 4)] == [
        "takes 7 virtual functions, but the only worker, node-a, has 4",
    ]
    assert [*fitting.crowded(pattern, ONE, 7)] == [*fitting.crowded(pattern, TWO, 4)] == []

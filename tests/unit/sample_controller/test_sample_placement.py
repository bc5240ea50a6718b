"""Where the sample controller places functions."""

from __future__ import annotations

import pytest


def target(node: str, functions: int = 10, capacity: int = 10, kind: str = "cpu") -> object:
    from sample_operator.placement import Target

    return Target(node, kind, 0, kind, kind, functions, capacity)


def nodes(targets: list[object], requested: dict[str, list[str]] | None = None, capacity: int = 1) -> dict[str, str]:
    from sample_operator.placement import Wanted, place

    functions = [Wanted(key, {"cpu"}, (requested or {}).get(key)) for key in "abc"]
    chosen = place(functions, targets, capacity)  # type: ignore[arg-type]
    return {key: each.node for key, each in chosen.items()}


def test_the_freest_target_takes_the_first_function_and_keeps_the_rest() -> None:
    assert nodes([target("one", capacity=9), target("two")]) == {"a": "two", "b": "two", "c": "two"}


def test_functions_go_on_elsewhere_when_a_target_is_full() -> None:
    assert nodes([target("one", functions=2, capacity=20), target("two")]) == {"a": "one", "b": "one", "c": "two"}


def test_requested_nodes_bind() -> None:
    assert nodes([target("one"), target("two")], {"b": ["two"]}) == {"a": "one", "b": "two", "c": "two"}


def test_other_devices_are_not_used() -> None:
    assert set(nodes([target("one", kind="a100", capacity=99), target("two")]).values()) == {"two"}


def test_no_place_names_the_function() -> None:
    from sample_operator.placement import NoPlaceError

    with pytest.raises(NoPlaceError, match=r"c: no target has capacity 4 in \['cpu'\]"):
        nodes([target("one")], capacity=4)
    with pytest.raises(NoPlaceError, match="b: no target on elsewhere"):
        nodes([target("one")], {"b": ["elsewhere"]})


def test_targets_that_are_not_ready_are_not_usable() -> None:
    from sample_operator.placement import usable_targets

    ready = {
        "status": "Ready", "available": True, "nodeName": "one", "deviceType": "cpu", "deviceIndex": 0,
        "regionName": "cpu", "regionType": "cpu", "maxFunctions": 110, "currentFunctions": 7, "maxCapacity": 120,
    }  # fmt: skip
    found = usable_targets([ready, ready | {"status": "NotReady"}, ready | {"available": False}, {}])
    assert [(each.free_functions, each.free_capacity) for each in found] == [(103, 120)]


def test_branches_are_walked_breadth_first() -> None:
    from sample_operator.placement import keys_in_order

    edges = [("wb-start-of-chain", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "wb-end-of-chain")]
    ends = [{"from": {"functionKey": start}, "to": {"functionKey": end}} for start, end in edges]
    assert keys_in_order(ends) == ["a", "b", "c", "d"]

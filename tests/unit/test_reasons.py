"""Checks say why in passing: heard by who listens, and by nobody else."""

from __future__ import annotations

from tasks import reasons


def test_what_is_said_is_heard_within_the_block_only() -> None:
    reasons.note("before")
    with reasons.heard() as said:
        reasons.note("a: 1 -> 2")
        assert not reasons.absent("b")
        reasons.obstacle("needs consent")
        reasons.disrupts("the cluster")
    reasons.note("after")
    assert said.reasons == ["a: 1 -> 2", "b: not there"]
    assert not said.remakes
    assert said.obstacles == ["needs consent"]
    assert said.disrupted == ["the cluster"]


def test_a_condition_is_returned_and_explained_where_it_is_false() -> None:
    with reasons.heard() as said:
        assert reasons.unless(True, "x")
        assert not reasons.unless(False, "y")
    assert said.reasons == ["y"]


def test_listeners_do_not_hear_each_other() -> None:
    with reasons.heard() as outer:
        with reasons.heard() as inner:
            reasons.note("in")
        reasons.note("out")
    assert (outer.reasons, inner.reasons) == (["out"], ["in"])

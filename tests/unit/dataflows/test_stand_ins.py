"""tasks.dataflows.stand_ins: what a result stands on, by pattern and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import stand_ins
from tasks.patterns import known
from tasks.settings import paths
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from pathlib import Path

BOTH = "sriov,gpu"


@pytest.mark.parametrize(
    ("pattern", "emulate", "stood_in"),
    [
        ("calcapp-basic", BOTH, ("sample controller",)),
        ("p3c1", BOTH, ("sample controller", "emulated cards")),
        ("p2c4", BOTH, ("sample controller", "stand-in GPU")),
        ("p2c3-multi-worker", BOTH, ("sample controller", "emulated cards", "stand-in GPU")),
        ("p2c3", "gpu", ("sample controller", "stand-in GPU")),
        ("p2c3", "", ("sample controller",)),
    ],
)
@pytest.mark.usefixtures("checkout")
def test_a_pattern_stands_on_what_it_needs(pattern: str, emulate: str, stood_in: tuple[str, ...]) -> None:
    assert stand_ins.stand_ins(known.named(pattern), lab(EMULATE=emulate, CONTROLLER_HARDWARE="gpu")) == stood_in


def test_the_archive_is_no_stand_in(checkout: Path) -> None:
    archive = paths.SRC / "controller.tar.gz"
    archive.parent.mkdir(parents=True)
    archive.touch()
    assert checkout in archive.parents
    assert stand_ins.stand_ins(known.named("p1c1"), lab(CONTROLLER="auto")) == ()
    assert stand_ins.stand_ins(known.named("p1c1"), lab(CONTROLLER="sample")) == ("sample controller",)


@pytest.mark.usefixtures("checkout")
def test_an_archive_that_is_gone_was_no_sample() -> None:
    assert stand_ins.stand_ins(known.named("p1c1"), lab(CONTROLLER="archive")) == ()


def test_the_words_beside_a_result() -> None:
    assert stand_ins.phrase(("sample controller", "stand-in GPU")) == "stand-ins: sample controller, stand-in GPU"
    assert stand_ins.phrase(()) == "no stand-ins"


def test_what_a_pattern_that_is_gone_stands_on_may_be_all_that_is_stood_in_for() -> None:
    chosen = lab(CONTROLLER="sample", EMULATE="sriov,gpu", CONTROLLER_HARDWARE="gpu")
    assert stand_ins.stand_ins(None, chosen) == ("sample controller", "emulated cards", "stand-in GPU")
    assert stand_ins.stand_ins(None, lab(CONTROLLER="sample")) == ("sample controller",)

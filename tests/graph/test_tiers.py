"""`./doit test` itself: the tiers, their order, the closing line, and skips in CI."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Checkout

PASSES = "def test_passes():\n    pass\n"
SKIPS = "import pytest\n\ndef test_skips():\n    pytest.skip('no hardware')\n"
SKIPS_AS_A_WHOLE = "import pytest\n\npytest.skip('no hardware', allow_module_level=True)\n"
FAILS = "def test_fails():\n    assert 1 == 2\n"


@pytest.fixture
def tiers(checkout: Checkout) -> Checkout:
    tests = checkout.root / "tests"
    for folder in [entry for entry in tests.iterdir() if entry.is_dir()]:
        shutil.rmtree(folder)
    for tier in ("cluster", "unit", "graph"):
        add(checkout, tier, PASSES)
    return checkout


def add(checkout: Checkout, tier: str, text: str) -> None:
    folder = checkout.root / "tests" / tier
    folder.mkdir(exist_ok=True)
    (folder / f"test_{tier}_{len(text)}.py").write_text(text)


def test_all_tiers_run_in_their_order_in_one_run(tiers: Checkout) -> None:
    done = tiers.doit("test", env={"CI": ""})
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split("/")[1] for line in lines if line.startswith("tests/")] == ["unit", "graph", "cluster"]
    assert " 3 passed in " in lines[-1]


def test_only_the_chosen_tiers_run(tiers: Checkout) -> None:
    done = tiers.doit("test", "-t", "graph", "-t", "cluster", env={"CI": ""})
    assert " 2 passed, 1 deselected in " in done.stdout.splitlines()[-1]


def test_an_unknown_tier_is_one_line_with_the_known_ones(tiers: Checkout) -> None:
    done = tiers.doit("test", "-t", "units")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].strip() == "units: is not a tier of tests"


def test_a_failure_fails_the_task_and_the_closing_line_is_shown(tiers: Checkout) -> None:
    add(tiers, "unit", FAILS)
    done = tiers.doit("test", "-t", "unit", env={"CI": ""})
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("text", [SKIPS, SKIPS_AS_A_WHOLE], ids=["a test", "a module"])
def test_a_skip_is_a_failure_in_ci_only(tiers: Checkout, text: str) -> None:
    add(tiers, "unit", text)
    assert tiers.doit("test", "-t", "unit", env={"CI": ""}).returncode == 0
    done = tiers.doit("test", "-t", "unit", env={"CI": "true"})
    assert done.returncode == 1
    assert "skipped in CI" in done.stdout
    assert "no hardware" in done.stdout


def test_tests_run_beside_another_run_of_the_checkout(tiers: Checkout) -> None:
    (tiers.root / "build").mkdir()
    add(tiers, "unit", "from pathlib import Path\nfrom tasks.engines.files import lock\n"
        "from tasks.settings import paths\n\n"
        "def test_lock_is_free():\n    lock.hold(paths.RUN_LOCK, 'x').release()\n")  # fmt: skip
    assert tiers.doit("test", "-t", "unit", env={"CI": ""}).returncode == 0

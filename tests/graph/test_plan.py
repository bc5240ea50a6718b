"""Compares `doit plan` with what a run then does, in a small graph whose world is a folder of files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.graph.planner import ALL, WORLD, Planner, holds_true, states

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout


@pytest.fixture
def planner(checkout: Checkout, tmp_path: Path) -> Planner:
    (checkout.root / "dodo.py").write_text(WORLD)
    (checkout.root / "world").mkdir()
    (tmp_path / "cache").mkdir()
    return Planner(checkout, tmp_path / "cache")


@pytest.fixture
def made(planner: Planner) -> Planner:
    assert planner.run() == (0, ALL)
    return planner


def test_nothing_to_do_is_said_and_is_exit_code_0(made: Planner) -> None:
    code, planned = made.plan()
    assert (code, states(planned)) == (0, {})
    assert set(planned) == ALL
    assert made.text() == f"Nothing to do: {len(ALL)} tasks are up to date\n"
    assert made.run() == (0, set())


def test_a_note_is_told_and_changes_nothing(made: Planner, checkout: Checkout) -> None:
    (checkout.root / "world" / "note").write_text("the daemon is slow today")
    code, planned = made.plan()
    assert (code, states(planned)) == (0, {})
    assert made.text() == f"Note: the daemon is slow today\nNothing to do: {len(ALL)} tasks are up to date\n"


def test_a_fresh_machine_is_all_changes_and_no_promise_without_a_daemon(planner: Planner) -> None:
    code, planned = planner.plan()
    assert code == 2
    assert planned["engine"]["state"] == "run"
    assert planned["image:lower"]["state"] == "unknown"
    assert planned["image:lower"]["reasons"] == ["no daemon answers"]
    _, ran = planner.run()
    holds_true(planned, ran)


def test_a_changed_parameter_is_told_with_old_and_new_and_what_follows_from_it(made: Planner) -> None:
    code, planned = made.plan(IMG_TAG="9", RECREATE="1")
    assert code == 2
    assert states(planned) == {
        "image:lower": "run",
        "image:upper": "run",
        "_kind": "run",
        "_ready": "run",
        "controller:managers": "run",
    }
    assert planned["image:lower"]["reasons"] == ["lower: lower(22.04.5) -> lower(9)"]
    assert "IMG_TAG: 22.04.5 -> 9 (environment)" in planned["image:lower"]["parameters"]
    assert planned["image:upper"]["reasons"] == ["upper: upper(lower(22.04.5)) -> upper(lower(9))"]
    assert planned["controller:managers"]["reasons"] == ["after _ready"]
    code, ran = made.run(IMG_TAG="9", RECREATE="1")
    assert code == 0
    holds_true(planned, ran)
    assert made.plan(IMG_TAG="9")[0] == 0


def test_a_run_that_would_stop_for_consent_is_told_before(made: Planner) -> None:
    _, planned = made.plan(IMG_TAG="9")
    assert states(planned)["_kind"] == "stop"
    assert states(planned)["_ready"] == "blocked"
    assert "RECREATE=1" in " ".join(planned["_kind"]["reasons"])
    code, ran = made.run(IMG_TAG="9")
    assert code == 1
    holds_true(planned, ran)
    # The images exist by now, so the obstacle is the cluster's own.
    _, planned = made.plan(IMG_TAG="9")
    assert states(planned) == {"_kind": "stop", "_ready": "blocked", "controller:managers": "blocked"}
    assert planned["_kind"]["reasons"][0] == "needs consent: RECREATE=1"


def test_internal_tasks_are_shown_on_demand_and_why_they_stop_always(made: Planner) -> None:
    text = made.text(IMG_TAG="9")
    assert not re.search(r"^\w+ +_", text, re.MULTILINE)
    assert "Stops: needs consent: RECREATE=1" in text.splitlines()
    assert "(2 of them internal, shown by --all)" in text
    blocked = re.search(r"^blocked +controller:managers\s+(.*)", text, re.MULTILINE)
    assert blocked
    assert blocked[1] == "needs consent: RECREATE=1; _kind: _kind(upper(lower(22.04.5))) ->"
    assert re.search(r"^stop +_kind\b", made.text("--all", IMG_TAG="9"), re.MULTILINE)


def test_info_says_what_differs_or_that_nothing_does(made: Planner) -> None:
    done = made.checkout.doit("info", "image:lower", env={"CACHE_DIR": str(made.cache)})
    assert (done.returncode, done.stdout.splitlines()[2], done.stderr) == (0, "up to date", "")
    done = made.checkout.doit("info", "image:lower", "IMG_TAG=9", env={"CACHE_DIR": str(made.cache)})
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[2:4] == ["not up to date:", "  lower: lower(22.04.5) -> lower(9)"]
    assert "needs    engine" in done.stdout


@pytest.mark.parametrize("name", ["lower", "_kind", "managers"])
def test_a_thing_removed_by_hand_is_named(made: Planner, name: str) -> None:
    (made.world / name).unlink()
    code, planned = made.plan()
    assert code == 2
    assert [task["reasons"] for task in planned.values() if task["reasons"] == [f"{name}: not there"]]
    _, ran = made.run()
    holds_true(planned, ran)


def test_without_a_daemon_parameters_are_still_explained(made: Planner) -> None:
    (made.world / "daemon").unlink()
    code, planned = made.plan(GO_VERSION="1.24.0")
    assert code == 2
    assert planned["_ready"]["state"] == "unknown"
    assert "GO_VERSION: 1.23.0 -> 1.24.0 (environment)" in planned["_ready"]["parameters"]
    assert "GO_VERSION: 1.23.0 -> 1.24.0 (environment)" in made.text(GO_VERSION="1.24.0").splitlines()


def test_a_parameter_that_chooses_tasks_brings_them_in(made: Planner) -> None:
    code, planned = made.plan(CNI="calico")
    assert code == 2
    assert planned["image:calico"]["reasons"] == ["calico: not there"]
    assert "image:bridge" not in planned
    assert "bridge" in planned["_chosen"]["reasons"][0]
    _, ran = made.run(CNI="calico")
    assert {"image:calico", "_chosen"} <= ran


def test_what_is_interrupted_and_how_long_it_takes(made: Planner) -> None:
    (made.cache / "durations.json").write_text(json.dumps({"controller:managers": 90.0}))
    (made.world / "managers").unlink()
    _, planned = made.plan()
    assert planned["controller:managers"]["disrupts"] == ["the controller: it restarts where it changed"]
    assert planned["controller:managers"]["seconds"] == 90
    text = made.text()
    assert "Time: about 1 min 30 s, as earlier runs here did" in text
    assert "Disturbs the controller" in text
    (made.cache / "durations.json").unlink()
    assert re.search(
        r"Time: about [\d.]+ s, by a table, for \d+ processors?: nothing like it ran here before", made.text()
    )


def test_a_task_that_runs_each_time_is_a_change(made: Planner) -> None:
    code, planned = made.plan("dataflow:verify")
    assert (code, states(planned)) == (2, {"dataflow:verify": "run"})
    assert planned["dataflow:verify"]["reasons"] == ["runs each time"]
    assert made.run("dataflow:verify") == (0, {"dataflow:verify"})


@pytest.mark.parametrize(
    ("words", "env", "says"),
    [
        (["nosuch"], {}, "nosuch"),
        (["--nosuch"], {}, "nosuch"),
        ([], {"POD_SUBNET": "10.0.0.0/40"}, "environment: POD_SUBNET: "),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(
    planner: Planner, words: list[str], env: dict[str, str], says: str
) -> None:
    done = planner.checkout.doit("plan", *words, env=env)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_option_is_told_in_words(planner: Planner) -> None:
    done = planner.checkout.doit("plan", "--nosuch")
    assert done.stderr.splitlines() == ["ERROR: option --nosuch not recognized", "Try: ./doit plan --help"]


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["_ready", "--help"]], ids=" ".join)
def test_help_is_the_usage_and_no_plan(planner: Planner, words: list[str]) -> None:
    done = planner.checkout.doit("plan", *words)
    assert (done.returncode, done.stderr) == (0, "")
    usage, *rest = done.stdout.splitlines()
    assert usage == "Usage: ./doit plan [--json] [--all] [TASK ...]"
    assert rest[-1] == "Exit codes: 0 nothing to do, 2 changes, 1 error."


def test_a_bug_is_exit_code_1_with_its_traceback(planner: Planner) -> None:
    (planner.checkout.root / "dodo.py").write_text("raise ZeroDivisionError\n")
    done = planner.checkout.doit("plan")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ZeroDivisionError" in done.stderr


def test_json_may_be_asked_for_after_the_task(made: Planner) -> None:
    done = made.checkout.doit("plan", "_ready", "--json")
    assert "tasks" in json.loads(done.stdout)


def test_too_few_virtual_functions_for_a_pattern_are_told_before_anything_is_touched(
    checkout: Checkout, tmp_path: Path
) -> None:
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "CACHE_DIR": str(tmp_path / "cache"), "SRIOV_NUM_VFS": "3"}
    done = checkout.doit("plan", "--json", "dataflow:calcapp-sriov", env=env)
    names = [task["name"] for task in json.loads(done.stdout)["tasks"]]
    planned = {task["name"]: task for task in json.loads(done.stdout)["tasks"]}["_enough_functions:calcapp-sriov"]
    assert planned["state"] == "stop"
    assert "takes 7 virtual functions, 4 of one worker, but each has 3 (SRIOV_NUM_VFS)" in " ".join(planned["reasons"])
    before = names[: names.index("_enough_functions:calcapp-sriov")]
    assert all(name.startswith("_doctor:") for name in before)


@pytest.mark.parametrize("hardware", ["", "gpu", "fpga"])
def test_images_of_hardware_that_is_not_asked_for_are_not_built(
    checkout: Checkout, tmp_path: Path, hardware: str
) -> None:
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "CACHE_DIR": str(tmp_path / "cache")}
    done = checkout.doit(
        "plan", "--json", "controller_image", env={**env, "CONTROLLER_HARDWARE": hardware, "EMULATE": ""}
    )
    assert (done.returncode, done.stderr) == (2, "")
    planned = {task["name"] for task in json.loads(done.stdout)["tasks"]}
    assert {"controller_image:deviceinfo", "controller_image:wbfunction"} <= planned
    assert ("controller_image:fpgafunction" in planned) == (hardware == "fpga")
    assert ("controller_image:gpufunction" in planned) == (hardware == "gpu")


def test_the_real_graph_is_planned_where_no_engine_answers_and_none_may_be_started(
    checkout: Checkout, tmp_path: Path
) -> None:
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "CACHE_DIR": str(tmp_path / "cache")}
    done = checkout.doit("plan", "--json", "create_cluster_with_all", env=env)
    assert (done.returncode, done.stderr) == (2, "")
    planned = {task["name"]: task for task in json.loads(done.stdout)["tasks"]}
    assert planned["engine"]["state"] == "stop"
    assert any("no engine answers" in reason for reason in planned["engine"]["reasons"])
    assert {planned[name]["state"] for name in ("image:kind-ubuntu", "_kind", "controller:daemons")} == {"blocked"}
    assert planned["controller_source"]["reasons"] == ["build/controller: not there"]
    assert [name for name, task in planned.items() if task["state"] == "unknown"] == []
    assert not (checkout.root / "build/controller").exists()
    # Only what a check caches for its next call is left.
    assert {file.name for file in (tmp_path / "cache").glob("*")} <= {"apt-sources.json"}

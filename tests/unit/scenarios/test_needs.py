"""tasks.scenarios.needs: what a pattern lacks is shown before anything is touched."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.doctor import examination
from tasks.doctor.examination import Result
from tasks.images import archive_images
from tasks.patterns import known
from tasks.problems import Problem
from tasks.scenarios import needs
from tasks.scenarios.needs import Machine
from tasks.settings import controller, nics, parameters, paths
from tasks.settings.checks import GPU, NICS
from tasks.target.existing import ExistingCluster
from tests.unit import own_patterns
from tests.unit.conftest import lab
from tests.unit.engine import Image
from tests.unit.programs import Answer
from tests.unit.target.somewhere import parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.programs import Programs

SAMPLE = paths.SAMPLE
UNMADE = {"gpufunc_dsa": ("image gpufunc_dsa cannot be built",)}
LACKING = {GPU: ("NVIDIA GPU: none",), NICS: ("physical functions: ens9f0np0 not there",)}


def machine(functions: int = 4) -> Machine:
    """A machine without a GPU and without cards, with a load balancer."""
    return Machine(functions, lambda need: LACKING.get(need, ()), lambda image: UNMADE.get(image, ()))


@pytest.fixture(autouse=True)
def source(checkout: Path) -> Path:
    """The sample controller, as it is unpacked."""
    del checkout
    shutil.copytree(SAMPLE, paths.CONTROLLER)
    return paths.CONTROLLER


def test_a_pattern_comes_with_everything_it_lacks() -> None:
    chosen = needs.choice(machine())
    assert set(chosen["missing"]) == {pattern.name for pattern in known.patterns()} - set(needs.runnable(machine()))
    lacking = chosen["missing"]["p2c3"]
    assert lacking[:2] == ["NVIDIA GPU: none", "physical functions: ens9f0np0 not there"]
    assert any("image gpufunc_dsa cannot be built" in phrase for phrase in lacking)
    assert "function_image:cpufunc_calcapp" in chosen["task_dep"]
    assert "function_image:gpufunc_dsa" not in chosen["task_dep"]


def test_a_pattern_that_no_worker_fits_is_left_out_and_the_others_are_not() -> None:
    twin = "calcapp-basic-multi-worker"
    here = replace(machine(), unfit=lambda pattern: ["needs two workers"] if pattern.name == twin else [])
    chosen = needs.choice(here)
    assert chosen["missing"][twin][0] == "needs two workers"
    assert "calcapp-basic" not in chosen["missing"]


def test_a_twin_on_a_target_with_one_worker_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = lab(**parameters_of(TARGET_WORKERS="alone", CLUSTER_NAME="nowhere"))
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    twin = "calcapp-basic-multi-worker"
    line = "needs two workers, but TARGET_WORKERS has 1: alone"
    assert needs.lack_of_source(twin) == lacks.obstacle(line)
    with pytest.raises(Problem) as raised:
        needs.require_in_source(twin)
    assert raised.value.message == f"{twin}: {line}"
    assert needs.machine(chosen).unfit(known.named("calcapp-basic")) == ()


def test_what_is_otherwise_for_a_pattern_is_noted_and_no_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExistingCluster, "notices", lambda *_: ("without MPS",))
    chosen = lab(**parameters_of(TARGET_WORKERS="alone", CLUSTER_NAME="nowhere"))
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    found = needs.lack_of_source("calcapp-basic")
    assert found.notes == ("calcapp-basic: without MPS",)
    assert not found


def test_a_failed_check_of_the_machine_is_named_with_the_pattern(said: Lines) -> None:
    chosen = needs.announce(replace(machine(), missing=lambda need: needs.phrases([look(need)])))
    lines = {line.partition(":")[0]: line for line in said.kept}
    assert set(lines) == set(chosen["missing"])
    assert lines["p2c3"].startswith("p2c3: not registered: NVIDIA GPU: none; ")


def look(purpose: str) -> Result:
    state = "FAILED" if purpose == GPU else "ok"
    return Result(purpose, "NVIDIA GPU", state, "none", "it", "", (purpose,))


def test_what_is_lent_already_is_not_looked_for_on_the_host() -> None:
    nics.LEDGERS.mkdir(parents=True)
    (nics.LEDGERS / "lent.json").touch()
    assert not needs.machine(lab(CLUSTER_NAME="lent")).missing(NICS)


@pytest.mark.parametrize(
    ("name", "each"),
    [
        ("calcapp-sriov", 4),
        ("calcapp-sriov-multi-worker", 4),
        ("p2c3", 2),
        ("p2c3-multi-worker", 2),
        ("p3c1", 1),
        ("p3c1-multi-worker", 1),
        ("calcapp-basic", 0),
    ],
)
def test_a_pattern_runs_on_as_many_virtual_functions_as_it_takes_of_a_worker(name: str, each: int) -> None:
    needs.require_functions(name, max(each, 1))
    assert not needs.lack_of_functions(name, max(each, 1))
    if each > 1:
        assert needs.lack_of_functions(name, each - 1)


def test_too_few_virtual_functions_are_told_with_both_numbers() -> None:
    phrase = "takes 7 virtual functions, 4 of one worker, but each has 3 (SRIOV_NUM_VFS)"
    with pytest.raises(Problem) as raised:
        needs.require_functions("calcapp-sriov", 3)
    assert (raised.value.message, raised.value.hint) == (f"calcapp-sriov: {phrase}", "SRIOV_NUM_VFS=4, or more")
    assert needs.lack_of_functions("calcapp-sriov", 3) == lacks.obstacle(phrase)
    assert phrase in needs.missing_of(known.named("calcapp-sriov"), machine(3))


def test_a_password_that_sudo_wants_leaves_nothing_out_since_the_run_asks_for_it(
    act_as: Callable[[int], None], programs: Programs
) -> None:
    act_as(1000)
    programs.put("sudo", Answer(err="sudo: a password is required", code=1))
    chosen = lab(CLUSTER_NAME="asked")
    found = examination.of_this_machine(chosen, NICS).examine((NICS,))
    assert "sudo-nics" in [result.name for result in found if result.is_obstacle]
    phrases = needs.machine(chosen).missing(NICS)
    assert phrases
    assert not any("sudo" in phrase for phrase in phrases)


def test_what_lacks_nothing_is_registered() -> None:
    assert {"calcapp-basic", "calcapp-basic-multi-worker"} <= set(needs.runnable(machine()))
    assert not needs.missing_of(known.named("calcapp-basic"), machine())


def test_an_image_that_the_source_does_not_hold_is_named_before_the_deployment(source: Path) -> None:
    shutil.rmtree(source / archive_images.IMAGES["gpufunc_dsa"].folder)
    with pytest.raises(Problem, match="p2c1: image gpufunc_dsa cannot be built"):
        needs.require_in_source("p2c1")


@pytest.fixture
def gpu_source(source: Path) -> Path:
    """A source with the pattern p2c1 and its images."""
    scenarios = source / controller.SCENARIOS / "cpugpu-func"
    shutil.copytree(scenarios / "p1c1", scenarios / "p2c1", dirs_exist_ok=True)
    folder = source / archive_images.IMAGES["gpufunc_dsa"].folder
    (folder / "Dockerfile").write_text("FROM localhost/gpu_infer_tcp:1.1.0\nCOPY a /a\n")
    return source


@pytest.mark.usefixtures("gpu_source")
def test_a_pattern_without_the_image_that_only_the_user_builds_is_left_out_and_refused_by_name() -> None:
    built = Machine(4, lambda _need: (), lambda _image: ())
    here = replace(built, unbuildable=lambda image: "gpu_infer_tcp is nowhere" if image == "gpufunc_dsa" else "")
    reason = "gpufunc_dsa cannot be built: gpu_infer_tcp is nowhere"
    chosen = needs.choice(here)
    assert chosen["missing"]["p2c1"] == [reason]
    assert "function_image:gpufunc_dsa" not in chosen["task_dep"]
    assert {"calcapp-basic", "p1c1"} <= set(needs.runnable(here))
    assert needs.lack_of_parents("p2c1", here) == lacks.obstacle(reason)
    with pytest.raises(Problem, match=f"p2c1: {reason}") as caught:
        needs.require_parents("p2c1", here)
    assert caught.value.hint.startswith("sudo buildah bud --runtime=")
    needs.require_parents("p1c1", here)
    assert "p2c1" in needs.runnable(built)
    needs.require_parents("p2c1", built)


@pytest.mark.usefixtures("gpu_source")
def test_this_machine_is_asked_for_the_image_that_only_the_user_builds(engine: Engine, programs: Programs) -> None:
    programs.put("podman", "[]")
    programs.put("sudo", "[]")
    said = "; ".join(needs.missing_of(known.named("p2c1"), needs.machine(lab(CLUSTER_NAME="without"))))
    assert "gpufunc_dsa cannot be built: image gpu_infer_tcp: neither in Docker nor in a store" in said
    engine.images["registry.example/gpu_infer_tcp:2"] = Image()
    said = "; ".join(needs.missing_of(known.named("p2c1"), needs.machine(lab(CLUSTER_NAME="with"))))
    assert "gpu_infer_tcp" not in said


@pytest.mark.usefixtures("gpu_source", "engine")
def test_where_a_gpu_is_stood_in_for_nothing_of_it_is_missing(programs: Programs) -> None:
    programs.put("podman", "[]")
    programs.put("sudo", "[]")
    stood_in = needs.machine(lab(CLUSTER_NAME="stood-in", EMULATE="gpu", CONTROLLER_HARDWARE="gpu"))
    assert not stood_in.missing(GPU)
    assert not stood_in.unbuildable("gpufunc_dsa")
    assert not stood_in.unmade("gpufunc_dsa")


def test_an_image_on_one_that_the_archive_lacks_is_said_before_anything_is_built(source: Path, engine: Engine) -> None:
    del engine
    for name in ("cpufunc_gst", "rcv_video_tool"):
        (source / archive_images.IMAGES[name].folder).mkdir(parents=True, exist_ok=True)
    folder = source / archive_images.IMAGES["cpufunc_gst"].folder
    (folder / "Dockerfile").write_text("FROM localhost/rcv_video_tool:1.0.0\nCOPY a /a\n")
    shutil.rmtree(source / archive_images.IMAGES["rcv_video_tool"].folder)
    here = replace(needs.machine(lab(CLUSTER_NAME="without-base")), missing=lambda _need: ())
    reason = (
        "cpufunc_gst cannot be built: image rcv_video_tool cannot be built: the controller's source does not hold it"
    )
    chosen = needs.choice(here)
    assert chosen["missing"]["p1c1"] == [reason]
    assert "function_image:cpufunc_gst" not in chosen["task_dep"]
    assert "function_image:cpufunc_calcapp" in chosen["task_dep"]
    with pytest.raises(Problem, match=f"p1c1: {reason}") as caught:
        needs.require_parents("p1c1", here)
    assert caught.value.hint.startswith("FUNCTION_IMAGES=registry")


def test_an_image_that_a_registry_has_need_not_be_built() -> None:
    lacking = needs.missing_of(known.named("p2c1"), replace(machine(), unmade=lambda _image: ()))
    assert lacking[0] == "NVIDIA GPU: none"
    assert not any("image" in phrase for phrase in lacking)


def test_an_image_is_a_folder_of_the_user_or_of_the_source_and_any_other_is_said_before_the_deployment(
    source: Path,
) -> None:
    calcapp, unknown = archive_images.IMAGES["cpufunc_calcapp"], "image squaer: neither a folder of work/functions nor"
    shutil.rmtree(source / calcapp.folder)
    pattern = known.named("calcapp-basic")
    made = needs.machine(lab(FUNCTION_IMAGES="source")).unmade
    here = Machine(4, lambda _need: (), made)
    (reason,) = needs.missing_of(pattern, here)
    assert reason == "image cpufunc_calcapp cannot be built: the controller's source does not hold it"
    for name, dockerfile in (("cpufunc_calcapp", "FROM scratch\n"), ("square", "FROM square\n")):
        (paths.OWN_FUNCTIONS / name).mkdir(parents=True)
        (paths.OWN_FUNCTIONS / name / "Dockerfile").write_text(dockerfile)
    assert needs.missing_of(pattern, here) == []
    assert made("square") == ()
    (reason,) = needs.missing_of(replace(pattern, images=("squaer",)), here)
    assert reason.startswith(unknown)
    assert reason.endswith("did you mean square?")
    (paths.OWN_FUNCTIONS / "cpufunc_calcapp/Dockerfile").unlink()
    assert needs.missing_of(pattern, here) == ["work/functions/cpufunc_calcapp: has no Dockerfile"]


def test_a_file_that_the_source_does_not_hold_is_named(source: Path) -> None:
    for found in source.rglob("basic/functiontype.yaml"):
        found.unlink()
    file = "calc-func/basic/functiontype.yaml"
    assert needs.lack_of_source("calcapp-basic") == lacks.of(f"{file} is not in the controller's source")
    with pytest.raises(Problem, match=r"calc-func/basic/functiontype\.yaml is not in the controller's source"):
        needs.require_in_source("calcapp-basic")


@pytest.fixture
def mine(choose: Callable[..., None]) -> Path:
    """An own pattern with which something is wrong."""
    choose(CLUSTER_NAME="mine")
    folder = own_patterns.write("mine")
    own_patterns.edit(folder / "df-cpufunc.yaml", "    name: mine-chain", "    name: no-chain")
    return folder


WRONG = (
    "work/patterns/mine/df-cpufunc.yaml:7: spec.functionChainRef: no FunctionChain cpufunc-mine/no-chain in these files"
    "; did you mean mine-chain?"
)


def test_a_pattern_whose_files_are_wrong_is_refused_by_the_line_and_the_others_go_on(mine: Path, said: Lines) -> None:
    assert needs.lack_of_source("mine") == lacks.obstacle(WRONG)
    with pytest.raises(Problem) as caught:
        needs.require_in_source("mine")
    assert caught.value.message == WRONG
    assert caught.value.hint.startswith(
        "./doit doctor --for dataflow:mine, until it says ok; or, at your own risk, IGN"
    )
    here = replace(machine(), wrong=needs.machine(parameters.current()).wrong)
    chosen = needs.announce(here)
    assert chosen["missing"]["mine"] == chosen["missing"]["mine-multi-worker"] == [WRONG]
    assert f"mine: not registered: {WRONG}" in said.kept
    assert {"calcapp-basic", "calcapp-basic-multi-worker"} <= set(needs.runnable(here))
    needs.require_in_source("calcapp-basic")


def test_a_pattern_whose_files_were_put_right_is_refused_no_longer(mine: Path) -> None:
    own_patterns.edit(mine / "df-cpufunc.yaml", "    name: no-chain", "    name: mine-chain")
    assert not needs.lack_of_source("mine")
    needs.require_in_source("mine")


@pytest.mark.usefixtures("mine")
def test_who_takes_the_risk_may_deploy_what_looks_wrong(choose: Callable[..., None]) -> None:
    choose(CLUSTER_NAME="mine", IGNORE_CHECKS="patterns")
    assert not needs.lack_of_source("mine")
    needs.require_in_source("mine")
    assert not needs.machine(parameters.current()).wrong(known.named("mine"))


def test_an_own_pattern_without_files_is_named_by_its_folder(mine: Path) -> None:
    for file in mine.glob("*.yaml"):
        if file.name != "pattern.yaml":
            file.unlink()
    assert needs.lack_of_source("mine") == lacks.of(
        "work/patterns/mine: holds no files of a scenario, only pattern.yaml"
    )

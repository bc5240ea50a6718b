"""What cannot be built here is said before anything is touched, and the patterns without it go on."""

from __future__ import annotations

import io
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from tasks.settings import controller, paths
from tests.unit import own_patterns

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout

DSA = f"{controller.FUNCTIONS}/cpugpu-func/gpufunc_dsa/Dockerfile"
SCENARIOS = f"{controller.SCENARIOS}/cpugpu-func"
ON_DEEPSTREAM = "FROM localhost/gpu_infer_tcp:1.0.0\nCOPY a /a\n"
# No doctor, no registry, no engine: only what the choice itself needs.
HERE = {"EMULATE": "", "IGNORE_CHECKS": "gpu,gpu-driver,kernel-headers,sudo,nouveau,videos"}
LEFT = "gpufunc_dsa cannot be built: image gpu_infer_tcp: neither in Docker nor in a store of podman or buildah"


@pytest.fixture
def archive(checkout: Checkout, tmp_path: Path) -> Checkout:
    """A checkout with an archive that has p2c1 and a gpufunc_dsa that only the user can build."""
    tree = tmp_path / controller.TOP
    shutil.copytree(paths.SAMPLE, tree, symlinks=True)
    if not (tree / SCENARIOS / "p2c1").is_dir():
        shutil.copytree(tree / SCENARIOS / "p1c1", tree / SCENARIOS / "p2c1")
    (tree / DSA).parent.mkdir(parents=True, exist_ok=True)
    (tree / DSA).write_text(ON_DEEPSTREAM, encoding="utf-8")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(tree, controller.TOP)
    (checkout.root / "src/controller.tar.gz").write_bytes(packed.getvalue())
    return checkout


def test_what_only_the_user_can_build_leaves_out_its_patterns_alone(archive: Checkout) -> None:
    done = archive.doit("_runnable", env=HERE)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.strip().partition(":")[0]: line for line in done.stdout.splitlines() if ": not registered: " in line}
    assert LEFT in lines["p2c1"]
    assert not {"calcapp-basic", "p1c1"} & set(lines)
    planned = archive.doit("plan", "--json", "prepare_scenario", env=HERE).stdout
    assert "function_image:cpufunc_gst" in planned
    assert "function_image:gpufunc_dsa" not in planned


def test_an_own_pattern_whose_files_are_wrong_is_left_out_and_refused_by_their_lines(checkout: Checkout) -> None:
    own_patterns.write("mine", checkout.root / "work/patterns")
    chain = checkout.root / "work/patterns/mine/functionchain.yaml"
    own_patterns.edit(chain, "    plus: {", "    plsu: {")
    fault = "work/patterns/mine/functionchain.yaml:11: spec.functions.plsu: is the key of no function in work/patterns/"
    env = {**HERE, "IGNORE_CHECKS": ""}
    done = checkout.doit("_runnable", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"mine: not registered: {fault}" in done.stdout
    assert "calcapp-basic: not registered" not in done.stdout

    refused = checkout.doit("_in_source:mine", env=env)
    assert refused.returncode == 1
    assert fault in refused.stdout
    assert "IGNORE_CHECKS=patterns" in refused.stdout
    assert checkout.doit("_in_source:calcapp-basic", env=env).returncode == 0
    planned = checkout.doit("plan", "dataflow:mine", env={**env, "COLUMNS": "200"})
    assert f"Stops: {fault}" in planned.stdout
    shown = checkout.doit("doctor", "--for", "dataflow:mine", env={**env, "COLUMNS": "200"})
    assert shown.returncode == 1
    assert fault in shown.stdout

    own_patterns.edit(chain, "    plsu: {", "    plus: {")
    assert checkout.doit("_in_source:mine", env=env).returncode == 0

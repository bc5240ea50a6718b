"""tasks.gpu.stand_in: the GPU that EMULATE stands in for, where the machine has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.doctor import first_steps
from tasks.engines.host.facts import Host
from tasks.gpu import lease, stand_in
from tasks.settings import parameters
from tasks.settings.checks import EMULATION, GPU
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines

STOOD_IN = {"EMULATE": "gpu", "CONTROLLER_HARDWARE": "gpu"}


def put(root: Path, **files: str) -> Host:
    """A machine with a PCI device that has these files."""
    folder = root / "sys/bus/pci/devices/0000:17:00.0"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return Host(root)


@pytest.mark.parametrize("values", [{}, {"GPU": "no"}])
def test_a_machine_that_has_a_gpu_needs_no_stand_in_whether_it_is_lent_or_not(
    tmp_path: Path, values: dict[str, str]
) -> None:
    host = put(tmp_path, vendor="0x10de\n", **{"class": "0x030200\n"})
    assert stand_in.objection(lab(**STOOD_IN, **values), host) == "this machine has an NVIDIA GPU (0000:17:00.0)"
    assert stand_in.objection(lab(EMULATE="sriov"), host) == ""


def test_a_gpu_is_seen_where_a_container_hides_the_devices(tmp_path: Path) -> None:
    (tmp_path / "proc/driver/nvidia/gpus/0000:0a:00.0").mkdir(parents=True)
    assert "(0000:0a:00.0)" in stand_in.objection(lab(**STOOD_IN), Host(tmp_path))


def test_another_card_is_no_objection(tmp_path: Path) -> None:
    host = put(tmp_path, vendor="0x10de\n", **{"class": "0x040300\n"})
    assert stand_in.objection(lab(**STOOD_IN), host) == ""


@pytest.mark.usefixtures("checkout")
def test_it_is_there_without_a_lease(choose: Callable[..., None], said: Lines) -> None:
    choose(**STOOD_IN)
    assert lease.lack() == lacks.NOTHING
    lease.lend()
    assert said.kept == ["kind-worker: a GPU is stood in for (EMULATE), so none is lent"]
    assert first_steps.is_settled(GPU, parameters.current())
    choose()
    assert not first_steps.is_settled(GPU, parameters.current())


def test_only_what_is_emulated_is_looked_for() -> None:
    assert first_steps.is_settled(EMULATION, lab())

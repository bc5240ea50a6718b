"""tasks.engines.go.memory: Go's compilers get more of it where this machine has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import command, memory, modules
from tasks.engines.host.facts import Host
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.unit.programs import Programs

GIB = 1 << 20  # in the unit of /proc/meminfo
TWO_CORES = "processor\t: 0\n\nprocessor\t: 1\n"


def machine(root: Path, available: int) -> Host:
    """Return a machine with two cores whose available memory is given in kB."""
    (root / "proc").mkdir(parents=True, exist_ok=True)
    (root / "proc/cpuinfo").write_text(TWO_CORES, encoding="utf-8")
    (root / "proc/meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable: {available} kB\n", encoding="utf-8")
    return Host(root)


@pytest.fixture
def lab(tmp_path: Path) -> Parameters:
    """Return the parameters of the lab, with the test's cache."""
    environ = {"PROFILE": "lab", "CACHE_DIR": str(tmp_path / "cache")}
    return parameters.validated(layers.read(paths.ROOT, environ))


def test_compilers_collect_no_garbage_before_their_share_is_used_where_it_is_large_enough(tmp_path: Path) -> None:
    assert memory.variables(machine(tmp_path, 8 * GIB)) == {"GOGC": "off", "GOMEMLIMIT": str(2 << 30)}
    assert memory.variables(machine(tmp_path, 4 * GIB - 1)) == {}


def test_a_machine_that_does_not_say_keeps_gos_default(tmp_path: Path) -> None:
    assert memory.variables(Host(tmp_path)) == {}


@pytest.mark.parametrize("available", [0, 99 * GIB])
def test_go_gets_it_and_no_digest_has_it(
    monkeypatch: pytest.MonkeyPatch, programs: Programs, lab: Parameters, available: int
) -> None:
    folder = programs.folder
    programs.write("go", 'case "$1" in version) echo "go version go1.23.0 linux/amd64" ;; *) echo "$GOGC" ;; esac')
    monkeypatch.delenv("GOGC", raising=False)
    before = modules.definition(artifacts.ETCD, lab)
    monkeypatch.setattr(memory, "Host", lambda: machine(folder, available))
    assert command.run(folder, lab, "print").strip() == ("off" if available else "")
    assert modules.definition(artifacts.ETCD, lab) == before

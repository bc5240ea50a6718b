"""Every check of doctor has a look, a machine on which it passes, and a machine on which it fails."""

from __future__ import annotations

from tasks.doctor.looks import LOOKS
from tasks.settings.checks import CHECKS, FAILED, OK
from tests.unit.doctor import (
    test_existing,
    test_files,
    test_hardware,
    test_machine,
    test_network,
    test_packages,
    test_versions,
)


def test_every_check_has_a_look_and_a_passing_and_a_failing_machine() -> None:
    names = [check.name for check in CHECKS]
    assert sorted(LOOKS) == sorted(names)
    assert len(set(names)) == len(names)
    modules = (test_files, test_hardware, test_machine, test_network, test_packages, test_versions)
    cases = {(case.check, case.state) for module in modules for case in module.CASES}
    cases |= {(case.check, case.state) for case in test_existing.CASES}
    assert not {(name, state) for name in names for state in (OK, FAILED)} - cases

"""What the units of manifest/node do, in a mount namespace instead of a node."""

from __future__ import annotations

import re
import subprocess

from tasks.engines.programs import shell
from tasks.settings import node_steps, paths

# A /tmp as the container runtime gives it to a node.
NODE = """
mount -t tmpfs -o noexec none /tmp
cp "$(command -v sleep)" /tmp/program
! /tmp/program 0 2> /dev/null || exit 9
{unit}
/tmp/program 0
"""


def test_programs_run_from_the_tmp_of_a_node() -> None:
    (unit,) = node_steps.EXECUTABLE_TMP.units
    command = re.search(r"^ExecStart=(.+)$", (paths.MANIFEST / "node" / unit).read_text(encoding="utf-8"), re.MULTILINE)
    assert command is not None
    argv = [shell.find("unshare"), "--mount", "sh", "-eux", "-c", NODE.format(unit=command[1])]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

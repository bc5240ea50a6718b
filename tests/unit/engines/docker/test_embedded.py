"""tasks.engines.docker.embedded: names, the runtime wrapper, and what is read from the machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.engines.docker import embedded, embedded_home


def test_an_engine_belongs_to_its_cache_folder_by_any_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    one = embedded_home.of_cache(tmp_path)
    assert embedded_home.of_cache(tmp_path / "link").run == one.run
    assert embedded_home.of_cache(tmp_path / "other").run != one.run


def test_names_fit_the_kernels_limits(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a folder with a long name"] * 8)
    target = embedded_home.of_cache(deep)
    assert len(target.bridge) <= 15
    assert len(f"{target.run}/exec/containerd/containerd-debug.sock") < 108


@pytest.mark.parametrize("content", ["", "none", str(os.getpid()), "99999999"])
def test_a_pid_file_counts_only_with_its_daemon(tmp_path: Path, content: str) -> None:
    target = embedded_home.Engine(tmp_path, tmp_path)
    target.pid_file.write_text(content, encoding="ascii")
    assert embedded.pid(target) is None


def test_stopping_what_never_ran_does_nothing(tmp_path: Path) -> None:
    assert not embedded.stop(embedded_home.Engine(tmp_path, tmp_path / "none"))


@pytest.mark.parametrize(
    "capabilities",
    [
        ["CAP_CHOWN", "CAP_SYS_RESOURCE"],
        ["CAP_SYS_RESOURCE", "CAP_CHOWN"],
        ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_KILL"],
        ["CAP_SYS_RESOURCE"],
        ["CAP_CHOWN"],
    ],
)
@pytest.mark.parametrize("option", [("--bundle", "{}"), ("-b", "{}"), ("--bundle={}",)])
def test_the_runtime_takes_the_capability_out_and_hands_the_rest_to_runc(
    tmp_path: Path, capabilities: list[str], option: tuple[str, ...]
) -> None:
    bundle = tmp_path / "bun dle"
    bundle.mkdir()
    config = bundle / "config.json"
    sets = {"bounding": capabilities, "effective": capabilities}
    config.write_text(json.dumps({"process": {"capabilities": sets}}, separators=(",", ":")), encoding="utf-8")
    arguments = ["create", *(word.format(bundle) for word in option), "name of it"]
    said = run_wrapper(tmp_path, arguments)
    left = [name for name in capabilities if name != "CAP_SYS_RESOURCE"]
    assert json.loads(config.read_text(encoding="utf-8"))["process"]["capabilities"] == dict.fromkeys(sets, left)
    assert said == arguments


def test_the_runtime_does_so_for_programs_run_in_a_container_too(tmp_path: Path) -> None:
    process = tmp_path / "process.json"
    process.write_text('{"capabilities":{"bounding":["CAP_SYS_RESOURCE"]}}', encoding="utf-8")
    run_wrapper(tmp_path, ["exec", "--process", str(process), "id"])
    assert json.loads(process.read_text(encoding="utf-8")) == {"capabilities": {"bounding": []}}


def run_wrapper(folder: Path, arguments: list[str]) -> list[str]:
    """Run the wrapper with a runc that prints its arguments, one on each line."""
    for name, text in {"runtime": embedded._RUNTIME, "runc": '#!/bin/sh\nprintf "%s\\n" "$@"\n'}.items():
        (folder / name).write_text(text, encoding="ascii")
        (folder / name).chmod(0o755)
    path = f"{folder}:{Path(shutil.which('sed') or '/bin/sed').parent}"
    done = subprocess.run(
        [folder / "runtime", *arguments], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()

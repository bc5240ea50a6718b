"""The embedded Docker engine: the tool's own dockerd, beside any engine that the machine has.

One engine serves all checkouts that share a CACHE_DIR. Whatever must not survive a reboot (socket, pid file, runtime
state) is under /run. The short path there also keeps containerd's socket within the 108 bytes of a UNIX address.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.docker import embedded_mounts, embedded_rules
from tasks.engines.files.lock import alone
from tasks.engines.host import routes
from tasks.engines.programs import shell
from tasks.engines.programs.waiting import Condition, until
from tasks.problems import Problem
from tasks.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.docker.embedded_home import Engine

CAP_SYS_RESOURCE = 24
_START_SECONDS = 90.0
_STOP_SECONDS = 60.0
_LOG_TAIL = 15
# How much BuildKit keeps of layers that no image uses; without a limit, it keeps every layer it has ever made.
_BUILD_CACHE = "15GB"
_ETHERNET_MTU = 1500

_RUNTIME = """#!/bin/sh
# OCI runtime for a machine whose capability bounding set lacks CAP_SYS_RESOURCE: runc would fail to grant it.
strip() {
    [ -f "$1" ] && sed -i 's/,"CAP_SYS_RESOURCE"//g; s/"CAP_SYS_RESOURCE",//g; s/"CAP_SYS_RESOURCE"//g' "$1"
}
previous=
for word in "$@"; do
    case "$previous" in
        --bundle | -b) strip "$word/config.json" ;;
        --process | -p) strip "$word" ;;
    esac
    case "$word" in
        --bundle=*) strip "${word#*=}/config.json" ;;
        --process=*) strip "${word#*=}" ;;
    esac
    previous=$word
done
exec runc "$@"
"""


def lacks_sys_resource() -> bool:
    """Return whether no process here can have CAP_SYS_RESOURCE, as in some containers and micro VMs."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    bounding = next(line for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(bounding.split()[1], 16) >> CAP_SYS_RESOURCE & 1


def pid(target: Engine) -> int | None:
    """Return the process id of the running daemon, or None, also if another process has its id by now."""
    try:
        number = int(target.pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return number if str(target.pid_file).encode() in _command_line(number) else None


def start(target: Engine, answers: Callable[[], bool]) -> None:
    """Start the daemon if it is not running, and wait until it answers.

    Args:
        target: Its folders.
        answers: Returns whether its API answers.

    Raises:
        Problem: The daemon ended or did not answer in time; the tail of its log is in the details.
    """
    with alone(target.home):
        if answers():
            return
        process = None if pid(target) else _launch(target)

        def answered() -> bool:
            if process is not None and process.poll() is not None:
                raise Problem(
                    f"the embedded Docker engine ended with exit code {process.returncode}",
                    details=tail(target),
                    hint=f"less {shlex.quote(str(target.log))}",
                )
            return answers()

        Condition("embedded Docker engine: answering", answered, bool).wait(
            _START_SECONDS, explain=lambda: tail(target), hint=f"less {shlex.quote(str(target.log))}"
        )
        if process is not None:
            process.returncode = 0  # It outlives this run: Python must not warn that nobody has waited for it.


def stop(target: Engine) -> bool:
    """Stop the daemon, and remove what it leaves outside its data root.

    Returns:
        Whether there was anything to stop.
    """
    if not target.run.exists():
        return False
    with alone(target.home):
        number = pid(target)
        if number is not None:
            progress.step("stopping the embedded Docker engine")
            _end(number)
        for orphan in _orphans(target):
            _end(orphan)
        embedded_mounts.unmount(target)
        _restore_network(target)
        shutil.rmtree(target.run, ignore_errors=True)
    return True


def tail(target: Engine) -> str:
    """Return the last lines of the daemon's log."""
    try:
        return "\n".join(target.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
    except OSError:
        return ""


def _launch(target: Engine) -> subprocess.Popen[bytes]:
    target.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.data.mkdir(parents=True, exist_ok=True)
    # dockerd refuses to start if the pid file of a killed dockerd names a process that is running.
    target.pid_file.unlink(missing_ok=True)
    programs = embedded_rules.record(target)
    _make_bridge(target.bridge)
    environment = credentials.kept_out(os.environ)
    with target.log.open("wb") as log:
        return subprocess.Popen(
            _arguments(target),
            cwd="/",
            env={**environment, "PATH": os.pathsep.join([programs, environment.get("PATH", os.defpath)])},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it outlives this run and its terminal
        )


def _arguments(target: Engine) -> list[str]:
    arguments = [
        shell.find("dockerd", package="docker.io"),
        f"--host={target.url}",
        f"--data-root={target.data}",
        f"--exec-root={target.run}/exec",
        f"--pidfile={target.pid_file}",
        f"--bridge={target.bridge}",
        f"--config-file={_config(target)}",
        "--oom-score-adjust=0",
    ]
    if lacks_sys_resource():
        runtime = target.home / "runtime"
        runtime.write_text(_RUNTIME, encoding="ascii")
        runtime.chmod(0o755)
        arguments += [f"--add-runtime=openkasugai={runtime}", "--default-runtime=openkasugai"]
    return arguments


def _config(target: Engine) -> Path:
    """Write the engine's own config file, so that it does not read that of the machine's engine in /etc/docker."""
    config = target.home / "daemon.json"
    settings: dict[str, Any] = {"builder": {"gc": {"enabled": True, "defaultKeepStorage": _BUILD_CACHE}}}
    mtu = routes.default_mtu()
    # dockerd's default is 1500. On a network with a smaller MTU, packets to containers would be lost.
    if mtu is not None and mtu < _ETHERNET_MTU:
        settings["mtu"] = mtu
    config.write_text(f"{json.dumps(settings)}\n", encoding="ascii")
    return config


def _make_bridge(name: str) -> None:
    if not _interface_exists(name):
        shell.run(["ip", "link", "add", name, "type", "bridge"])


def _interface_exists(name: str) -> bool:
    try:
        socket.if_nametoindex(name)
    except OSError:
        return False
    return True


def _restore_network(target: Engine) -> None:
    """Remove the bridge, and undo dockerd's changes to the machine's packet filter and settings."""
    if _interface_exists(target.bridge):
        shell.run(["ip", "link", "delete", target.bridge])
    engines = (number for number in _processes() if _program(_command_line(number)) == b"dockerd")
    embedded_rules.undo(target, shared=any(map(_shares_network, engines)))


def _orphans(target: Engine) -> list[int]:
    """Return the containerd and shims that a killed daemon left behind."""
    mark = f"{target.run}/".encode()
    return [number for number in _processes() if _is_daemon(_command_line(number), mark)]


def _is_daemon(command_line: bytes, mark: bytes) -> bool:
    return _program(command_line).startswith((b"containerd", b"dockerd", b"docker-proxy")) and mark in command_line


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _shares_network(number: int) -> bool:
    """Return whether a process has the same interfaces and packet filter as this one."""
    try:
        return Path(f"/proc/{number}/ns/net").samefile("/proc/self/ns/net")
    except OSError:
        return False


def _program(command_line: bytes) -> bytes:
    """Return the file name of the program that a process runs."""
    return command_line.split(b"\0", 1)[0].rsplit(b"/", 1)[-1]


def _command_line(number: int) -> bytes:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return b""


def _end(number: int) -> None:
    """Ask a process to end, and kill it after a minute."""

    def ended() -> bool:
        return not _command_line(number)

    condition = f"embedded Docker engine: process {number} ended"
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGTERM)
        try:
            until(condition, ended, bool, deadline=_STOP_SECONDS)
        except Problem:
            os.kill(number, signal.SIGKILL)
            Condition(condition, ended, bool).wait(_STOP_SECONDS, hint=f"cat /proc/{number}/stack")

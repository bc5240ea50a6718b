"""The one part of the tool that needs root: looks into network namespaces, moves devices, writes sysfs and ledgers.

Run as a program (`sudo -n python -m tasks.engines.nic_root`), it reads one request from standard input, `{"call": name,
"arguments": {...}}`, and prints `{"result": ...}` or `{"problem": [message, hint, details]}`. A run as root calls the
functions directly. Only the standard library is needed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.engines.files import ledgers
from tasks.engines.programs import shell, waiting
from tasks.problems import Problem
from tasks.settings import nics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OWN_NAMESPACE = "/proc/self/ns/net"
_WRITABLE = re.compile(
    r"/sys/bus/pci/(devices/[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/(sriov_numvfs|driver_override|driver/unbind)"
    r"|drivers_probe)"
)
_DEVICES = Path("/sys/bus/pci/devices")
_OBJECTS = ("link", "address", "route")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_POD = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
_BUSY_SECONDS = 15.0  # a driver answers "busy" for a moment after virtual functions have been switched off
_FOLDER_MODE, _FILE_MODE = 0o755, 0o644


def survey(nodes: dict[str, int], *, everywhere: bool) -> list[dict[str, Any]]:
    """Return this machine's network namespaces with their interfaces, this process's own (the host's) first.

    Args:
        nodes: One process of each node container, by the node's name.
        everywhere: Look into every namespace of the machine, not only the host's and the nodes'.
    """
    seen = _Seen()
    seen.note(OWN_NAMESPACE, host=True)
    for node, process in nodes.items():
        seen.note(f"/proc/{process}/ns/net", node=node, process=process)
    if everywhere:
        _note_all(seen)
    for inode, found in list(seen.items()):
        links = _links(found["path"], inode)
        if links is None:
            del seen[inode]
        else:
            found["links"] = links
    return list(seen.values())


class _Seen(dict[int, dict[str, Any]]):
    """Namespaces by inode."""

    def note(self, path: str, *, host: bool = False, node: str = "", process: int = 0) -> None:
        """Add the namespace at a path if it exists and is not yet known."""
        with contextlib.suppress(OSError):
            found = os.stat(path)  # noqa: PTH116 - the magic link itself, resolved by the kernel
            inode = found.st_ino
            # Once its namespace is unmounted, a file below /run/netns is an ordinary file.
            if found.st_dev == os.stat(OWN_NAMESPACE).st_dev and inode not in self:  # noqa: PTH116
                self[inode] = {"inode": inode, "path": path, "host": host, "node": node, "process": process,
                               "pod": _pod_of(process), "command": _command_of(process)}  # fmt: skip


def _note_all(seen: _Seen) -> None:
    """Add the namespaces of all processes, then those that are kept alive only by a file."""
    for process in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()):
        seen.note(f"/proc/{process}/ns/net", process=process)
    for process in {found["process"] for found in seen.values()}:
        for folder in ("run/netns", "run/docker/netns"):
            with contextlib.suppress(OSError):
                for pin in sorted(Path(f"/proc/{process or 'self'}/root/{folder}").iterdir()):
                    seen.note(str(pin))


def _pod_of(process: int) -> str:
    """Return the UID of a process's pod, from the name of its control group, or an empty string."""
    with contextlib.suppress(OSError):
        found = _POD.search(Path(f"/proc/{process}/cgroup").read_text(encoding="utf-8"))
        return found.group(1).replace("_", "-") if found else ""
    return ""


def _command_of(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
    return ""


def _links(path: str, inode: int) -> list[dict[str, Any]] | None:
    """Return the interfaces of a namespace, or None if it has ended in the meantime."""
    try:
        with _hold_open(path, inode) as handle:
            answer = _ip(handle, ["-json", "-details", "address", "show"])
    except OSError:
        return None
    return [link for link in json.loads(answer or "[]") if link]


@contextlib.contextmanager
def _hold_open(path: str, inode: int) -> Iterator[str]:
    """Hold a namespace open and yield the handle's path; fail if the container has restarted since the survey."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if os.fstat(descriptor).st_ino != inode:
            raise FileNotFoundError(errno.ENOENT, "another network namespace is there", path)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _ip(handle: str, words: Sequence[str]) -> str:
    own = os.stat(handle).st_ino == os.stat(OWN_NAMESPACE).st_ino  # noqa: PTH116
    enter = [] if own else ["nsenter", f"--net={handle}"]
    done = shell.run([*enter, shell.find("ip", package="iproute2"), *words], check=False)
    if done.returncode != 0:
        raise Problem(f"ip {' '.join(words)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def change(steps: list[dict[str, Any]], namespaces: list[tuple[int, str]]) -> None:
    """Carry out steps in order, through handles that are all opened before the first step.

    Args:
        steps: Each is `{"namespace": inode, "ip": [words]}`, where the word `@inode` stands for the handle of another
            namespace, or `{"write": a PCI function's file in sysfs, "text": what to write}`.
        namespaces: Inode and path of each namespace that the steps name.

    Raises:
        Problem: A namespace has been replaced, or a step failed; the steps before it have been carried out.
    """
    with contextlib.ExitStack() as stack:
        try:
            handles = {inode: stack.enter_context(_hold_open(path, inode)) for inode, path in namespaces}
        except OSError as error:
            raise Problem(f"{error.filename}: the network namespace is gone; its container restarted or ended",
                          hint="run the same command again") from error  # fmt: skip
        for step in steps:
            if "write" in step:
                _write(step["write"], step["text"])
            else:
                _configure(handles, step)


def _configure(handles: dict[int, str], step: dict[str, Any]) -> None:
    words = [handles[int(word[1:])] if word.startswith("@") else word for word in step["ip"]]
    what = words[2] if words[0] == "-family" else words[0]
    if what not in _OBJECTS:
        raise Problem(f"ip {what}: not one of {', '.join(_OBJECTS)}")
    _ip(handles[step["namespace"]], words)


def _write(path: str, text: str) -> None:
    if not _WRITABLE.fullmatch(path):
        raise Problem(f"{path}: not a file that this helper writes")
    write_patiently(Path(path), text, _BUSY_SECONDS)


def write_patiently(file: Path, text: str, deadline: float) -> None:
    """Write to a kernel file, and retry while its driver is busy.

    Args:
        file: The file.
        text: What to write.
        deadline: Seconds to keep trying while the driver is busy.

    Raises:
        Problem: The driver refuses, or stays busy.
    """

    def attempt() -> OSError | None:
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            return error
        return None

    failure = waiting.Condition(
        f"{file}: accept {text}",
        attempt,
        lambda error: error is None or error.errno != errno.EBUSY,
        describe=lambda error: str(error.strerror) if error else "",
    ).wait(deadline, hint="look for what still uses the virtual functions: virtual machines, vfio, another tool")
    if failure is not None:
        raise Problem(f"{file}: the driver refused {text}: {failure.strerror}", hint="sudo dmesg | tail")


def keep_ledger(cluster: str, content: dict[str, Any]) -> None:
    """Write a cluster's ledger atomically: after a power cut, either the earlier ledger or this one is there.

    Raises:
        Problem: Another cluster's ledger holds one of its physical functions, or the ledger is another checkout's.
    """
    _make_folder(nics.LEDGERS)
    _refuse_foreign(_ledger(cluster), content)
    _refuse_held(cluster, content)
    _replace(_ledger(cluster), json.dumps(content, indent=2, sort_keys=True) + "\n")


def _refuse_foreign(ledger: Path, content: dict[str, Any]) -> None:
    there = json.loads(ledger.read_text(encoding="utf-8")).get("checkout", "") if ledger.exists() else ""
    if there and there != content.get("checkout") and (Path(there) / "dodo.py").exists():
        raise Problem(f"{ledger}: belongs to a cluster of {there}, and is left alone",
                      hint=f"cd {there} and ./doit nics_restore")  # fmt: skip


def _refuse_held(cluster: str, content: dict[str, Any]) -> None:
    mine = {loan["physical_function"] for loan in content["loans"].values()}
    for other in nics.LEDGERS.glob("*.json"):
        loans = json.loads(other.read_text(encoding="utf-8"))["loans"] if other.stem != cluster else {}
        for node, loan in loans.items():
            if loan["physical_function"] in mine:
                raise Problem(f"{loan['physical_function']}: lent to {node} of cluster {other.stem} ({other})",
                              hint=f"CLUSTER_NAME={other.stem} ./doit nics_restore")  # fmt: skip


def drop_ledger(cluster: str) -> None:
    """Remove a cluster's ledger, once everything that it lists has been given back."""
    _ledger(cluster).unlink(missing_ok=True)
    _sync(nics.LEDGERS)


def keep_rule(cluster: str, rule: str, devices: Sequence[str] = ()) -> None:
    """Install the udev rule for a cluster's lent devices.

    Args:
        cluster: Name of the cluster.
        rule: The rule; an empty one removes it.
        devices: PCI addresses of the host's devices to which it is applied at once.
    """
    if not nics.UDEV_RULES.parent.exists():
        return
    _make_folder(nics.UDEV_RULES)
    path = nics.UDEV_RULES / rule_name(cluster)
    if rule:
        _replace(path, rule)
    else:
        path.unlink(missing_ok=True)
    shell.run(["udevadm", "control", "--reload"], check=False)
    links = [link for bdf in devices for link in (_DEVICES / bdf / "net").glob("*")]
    if links:
        shell.run(["udevadm", "trigger", "--action=change", *links], check=False)


def rule_name(cluster: str) -> str:
    """Return the file name of a cluster's udev rule, which sorts after the rules that it overrides."""
    return f"90-openkasugai-nics-{cluster}.rules"


def _ledger(cluster: str) -> Path:
    if not _NAME.fullmatch(cluster):
        raise Problem(f"{cluster!r}: not a cluster's name")
    return nics.LEDGERS / f"{cluster}.json"


@contextlib.contextmanager
def _alone(call: str) -> Iterator[None]:
    """Lock the folder of ledgers during a call, because a helper may outlive its run and the run's own lock.

    Before the first ledger exists there is nothing to lock: every change needs a ledger.
    """
    lock = nics.LEDGERS / ".lock"
    if call == keep_ledger.__name__:
        _make_lock(lock)
    if not lock.exists():
        yield
        return
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def keep_run_lock() -> None:
    """Create the file that a run locks while it lends or gives back, readable by everybody."""
    _make_lock(nics.LEDGERS / ledgers.RUN_LOCK)


def _make_lock(lock: Path) -> None:
    _make_folder(nics.LEDGERS)
    lock.touch()
    lock.chmod(_FILE_MODE)


def _make_folder(folder: Path) -> None:
    """Create a folder and its parents, readable by everybody whatever the umask is."""
    ours = [folder.parent, folder] if folder == nics.LEDGERS else []  # perhaps created with a stricter umask
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in [*reversed(missing), *ours]:
        part.mkdir(exist_ok=True)
        part.chmod(_FOLDER_MODE)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(_FILE_MODE)
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (survey, change, keep_ledger, drop_ledger, keep_rule, keep_run_lock)
}


def perform(call: str, arguments: dict[str, Any]) -> Any:
    """Run one of FUNCTIONS, while no other helper on this machine is at work."""
    with _alone(call):
        return FUNCTIONS[call](**arguments)


def main() -> None:
    """Answer the one request on standard input; ignore signals, since even a stopped run waits for the answer."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    request = json.load(sys.stdin)
    try:
        answer: dict[str, Any] = {"result": perform(request["call"], request["arguments"])}
    except Problem as problem:
        answer = {"problem": [problem.message, problem.hint, problem.details]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

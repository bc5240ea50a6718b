"""Interfaces as `ip -json` prints them, lifelines, and how root's work is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines import nic_root
from tasks.engines.host import connections, namespaces
from tasks.problems import Problem
from tasks.settings import nics as settings
from tests.unit.connectx5 import card
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.programs import Programs


def test_interfaces_are_known_by_pci_address() -> None:
    found = {link.bdf: link for link in map(namespaces.parse, card.links())}
    assert found["0000:17:00.0"].name == "ens9f0np0"
    assert found["0000:17:00.0"].altnames == ("enp23s0f0np0",)
    assert found["0000:17:02.1"].names == ("ens9f1v7", "enp23s0f1v7")
    assert (found["0000:17:00.2"].up, found["0000:17:00.0"].up) == (False, True)
    assert len(found["0000:17:00.1"].vf_settings) == 8


def test_representor_does_not_stand_for_the_card() -> None:
    stand_in = {**card.links()[3], "ifname": "ens9f0npf0vf0", "phys_port_name": "pf0vf0"}
    link = namespaces.parse(stand_in)
    assert (link.bdf, link.representor) == ("", True)


def test_place_of_a_function() -> None:
    world = card.world(lambda link: card.NODE if link["ifname"] == "ens9f0v3" else card.HOST)
    place = world.place("0000:17:00.5")
    assert place is not None
    assert (place[0].node, place[1].name) == ("kind-worker", "ens9f0v3")
    assert world.place("0000:17:07.7") is None
    assert world.place("") is None


def have_ip_answer(programs: Programs, table: dict[str, Any]) -> None:
    """Create an `ip` that prints answers by its arguments, and an empty list for all other arguments."""
    programs.put("ip", "[]", {words: json.dumps(answer) for words, answer in table.items()})


def test_default_routes_of_both_families_and_all_hops_are_lifelines(listed: Path, programs: Programs) -> None:
    hops = [{"dst": "default", "nexthops": [{"gateway": "192.0.2.1", "dev": "eno1"}, {"dev": "eno2"}]}]
    have_ip_answer(
        programs, {"inet route show default": hops, "inet6 route show default": [{"dst": "default", "dev": "eno3"}]}
    )
    assert set(namespaces.lifelines(listed)) == {"eno1", "eno2", "eno3"}


def test_ssh_comes_in_on_one_interface_and_is_answered_through_another(
    listed: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.9 51000 192.0.2.10 22")
    have_ip_answer(
        programs,
        {"address show": card.links(), "route get 203.0.113.9": [{"dst": "203.0.113.9", "dev": "ens9f0np0"}]},
    )
    found = namespaces.lifelines(listed)
    assert set(found) == {"eno8303", "ens9f0np0"}
    assert "203.0.113.9" in found["eno8303"]


V4 = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0A0200C0:0016 076433C6:EB3E 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0A0200C0:08AE 4D7100CB:03E8 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:192B 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
   4: 0A0200C0:192B 0A0200C0:A001 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0
   5: 0A0200C0:0050 096433C6:A002 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
"""
V6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr
   0: 000080FE000000000000000001000000:0016 000080FE000000000000000002000000:EA60 01 00000000:00000000 00:00000000
   1: 0000000000000000FFFF00000A0200C0:1538 0000000000000000FFFF0000086433C6:EA61 01 00000000:00000000 00:00000000
   2: B80D0120000000000000000001000000:0801 B80D0120000000000000000009000000:0340 01 00000000:00000000 00:00000000
   3: 00000000000000000000000001000000:0016 00000000000000000000000001000000:EA62 01 00000000:00000000 00:00000000
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the kernel's tables of connections."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return tmp_path


def test_connections_from_outside_are_found_on_every_port_and_in_both_families(listed: Path) -> None:
    (listed / "tcp").write_text(V4)
    (listed / "tcp6").write_text(V6)
    assert [(one.peer, one.local, one.port) for one in connections.from_outside(["192.0.2.10", "fe80::1"], listed)] == [
        ("198.51.100.7", "192.0.2.10", 22), ("203.0.113.77", "192.0.2.10", 2222), ("fe80::2", "fe80::1", 22),
        ("198.51.100.8", "192.0.2.10", 5432), ("2001:db8::9", "2001:db8::1", 2049),
    ]  # fmt: skip


def test_a_kernel_without_ipv6_has_its_connections_told(listed: Path) -> None:
    (listed / "tcp").write_text(V4)
    assert len(connections.established(listed)) == 4


@pytest.mark.parametrize("session", ["", "203.0.113.9 51000 192.0.2.10 2222"], ids=["under sudo", "as the user"])
def test_ssh_on_another_port_is_a_lifeline(
    listed: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    if session:
        monkeypatch.setenv("SSH_CONNECTION", session)
    else:
        (listed / "tcp").write_text(V4.replace("0016", "192B"))
    have_ip_answer(programs, {"address show": card.links()})
    peer = "203.0.113.9 (port 2222 here)" if session else "198.51.100.7 (port 6443 here)"
    assert namespaces.lifelines(listed) == {"eno8303": f"the TCP connection with {peer} goes through it"}


def test_an_address_that_two_interfaces_have_makes_both_lifelines(listed: Path, programs: Programs) -> None:
    (listed / "tcp").write_text(V4)
    twins = [{"ifname": name, "addr_info": [{"local": "192.0.2.10"}]} for name in ("ens9f0np0", "ens9f0np0.7")]
    have_ip_answer(programs, {"address show": twins})
    assert set(namespaces.lifelines(listed)) == {"ens9f0np0", "ens9f0np0.7"}


@pytest.fixture
def user(act_as: Callable[[int], None]) -> None:
    """Make this process appear to run as a user other than root."""
    act_as(1000)


@pytest.mark.usefixtures("user")
def test_a_user_goes_through_sudo(programs: Programs) -> None:
    programs.put("sudo", json.dumps({"result": [1, 2]}))
    assert namespaces.call("survey", nodes={"kind-worker": 7}, everywhere=True) == [1, 2]
    assert programs.calls == [["sudo", "-n", sys.executable, "-m", "tasks.engines.nic_root"]]
    assert json.loads(programs.input("sudo")) == {
        "call": "survey",
        "arguments": {"nodes": {"kind-worker": 7}, "everywhere": True},
    }


@pytest.mark.usefixtures("user")
def test_refused_sudo_is_one_line(programs: Programs) -> None:
    programs.put("sudo", Answer(err="sudo: a password is required", code=1))
    with pytest.raises(Problem, match="sudo was refused"):
        namespaces.call("drop_ledger", cluster="kind")


@pytest.mark.usefixtures("user")
def test_a_problem_of_the_helper_comes_through(programs: Programs) -> None:
    programs.put("sudo", json.dumps({"problem": ["it is busy", "wait", "so it is"]}))
    with pytest.raises(Problem) as caught:
        namespaces.call("survey", nodes={}, everywhere=False)
    assert (caught.value.message, caught.value.hint, caught.value.details) == ("it is busy", "wait", "so it is")


@pytest.mark.usefixtures("user")
def test_what_sudo_says_beside_the_answer_is_passed_over(programs: Programs) -> None:
    programs.put("sudo", "Last login: Thu Nov 26\n" + json.dumps({"result": [1]}))
    assert namespaces.call("survey", nodes={}, everywhere=False) == [1]


def ask(root: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Run the helper as a program, as sudo does."""
    done = subprocess.run(
        [sys.executable, "-m", "tasks.engines.nic_root"],
        cwd=root, input=json.dumps(request), capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"write": "/etc/passwd", "text": "x"}, "/etc/passwd: not a file"),
        ({"write": "/sys/bus/pci/devices/0000:17:00.0/../../../../../etc/x", "text": "x"}, "not a file"),
        ({"write": "/sys/bus/pci/devices/0000:17:00.0/reset", "text": "1"}, "not a file"),
    ],
)
def test_helper_writes_no_other_file(request: pytest.FixtureRequest, step: dict[str, str], said: str) -> None:
    answer = ask(request.config.rootpath, {"call": "change", "arguments": {"steps": [step], "namespaces": []}})
    assert said in answer["problem"][0]


def test_helper_runs_nothing_but_what_concerns_links(request: pytest.FixtureRequest) -> None:
    inode = os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116
    step = {"namespace": inode, "ip": ["netns", "exec", "x", "sh"]}
    arguments = {"steps": [step], "namespaces": [[inode, "/proc/self/ns/net"]]}
    answer = ask(request.config.rootpath, {"call": "change", "arguments": arguments})
    assert answer["problem"][0] == "ip netns: not one of link, address, route"


def test_helper_notices_another_namespace_at_the_same_path(request: pytest.FixtureRequest) -> None:
    arguments = {"steps": [{"namespace": 1, "ip": ["link"]}], "namespaces": [[1, "/proc/self/ns/net"]]}
    answer = ask(request.config.rootpath, {"call": "change", "arguments": arguments})
    assert "the network namespace is gone" in answer["problem"][0]
    assert answer["problem"][1] == "run the same command again"


@pytest.fixture
def folders(checkout: Path) -> Path:
    assert checkout in settings.LEDGERS.parents
    return settings.LEDGERS


def content(card: str) -> dict[str, Any]:
    return {"loans": {"kind-worker": {"physical_function": card}}}


def test_ledger_is_replaced_as_a_whole(folders: Path) -> None:
    nic_root.keep_ledger("kind", content("0000:17:00.0"))
    nic_root.keep_ledger("kind", content("0000:17:00.1"))
    assert json.loads((folders / "kind.json").read_text()) == content("0000:17:00.1")
    assert [path.name for path in folders.glob("*kind*")] == ["kind.json"]
    nic_root.drop_ledger("kind")
    nic_root.drop_ledger("kind")
    assert not list(folders.glob("*.json"))


def test_ledger_and_rule_are_readable_whatever_the_umask_is(folders: Path, programs: Programs) -> None:
    programs.put("udevadm")
    earlier = os.umask(0o077)
    try:
        nic_root.perform("keep_ledger", {"cluster": "kind", "content": content("0000:17:00.0")})
        nic_root.perform("keep_rule", {"cluster": "kind", "rule": "# rule"})
    finally:
        os.umask(earlier)
    assert programs.calls == [["udevadm", "control", "--reload"]]
    rule = settings.UDEV_RULES / nic_root.rule_name("kind")
    assert {oct(path.stat().st_mode & 0o777) for path in (folders, rule.parent)} == {"0o755"}
    files = (folders / "kind.json", folders / ".lock", rule)
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o644"}


def test_root_works_for_one_at_a_time(folders: Path, programs: Programs) -> None:
    """The helper has its own lock, since it goes on working after its run was killed."""
    nic_root.perform("keep_ledger", {"cluster": "kind", "content": content("0000:17:00.0")})
    lock, seen = folders / ".lock", folders / "seen"
    programs.write("ip", f"flock --nonblock {lock} true && echo free >{seen} || echo held >{seen}")
    here = namespaces.own_namespace()
    step = {"namespace": here.inode, "ip": ["link", "show"]}
    nic_root.perform("change", {"steps": [step], "namespaces": [(here.inode, here.path)]})
    assert seen.read_text() == "held\n"


def test_looking_makes_nothing_where_nothing_was_ever_lent(folders: Path, programs: Programs) -> None:
    programs.put("ip", "[]")
    (host,) = nic_root.perform("survey", {"nodes": {}, "everywhere": False})
    assert (host["host"], host["links"]) == (True, [])
    assert not folders.exists()


def test_helper_does_not_stop_at_a_signal(request: pytest.FixtureRequest) -> None:
    command = [sys.executable, "-m", "tasks.engines.nic_root"]
    with subprocess.Popen(command, cwd=request.config.rootpath, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as helper:  # fmt: skip
        assert helper.stdin
        assert helper.stdout
        ignored = 0
        mask = 1 << (signal.SIGINT - 1) | 1 << (signal.SIGTERM - 1) | 1 << (signal.SIGHUP - 1)
        while ignored & mask != mask:
            assert helper.poll() is None
            status = Path(f"/proc/{helper.pid}/status").read_text()
            ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            helper.send_signal(number)
        step = {"write": "/etc/passwd", "text": "x"}
        helper.stdin.write(json.dumps({"call": "change", "arguments": {"steps": [step], "namespaces": []}}))
        helper.stdin.close()
        assert "not a file" in json.loads(helper.stdout.read())["problem"][0]


def test_ledger_of_another_checkout_is_not_overwritten(folders: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "dodo.py").touch()
    theirs = {**content("0000:17:00.0"), "checkout": str(other)}
    nic_root.keep_ledger("kind", theirs)
    with pytest.raises(Problem, match=rf"kind\.json: belongs to a cluster of {other}, and is left alone"):
        nic_root.keep_ledger("kind", {**content("0000:17:00.1"), "checkout": "/ours"})
    assert json.loads((folders / "kind.json").read_text()) == theirs
    (other / "dodo.py").unlink()
    nic_root.keep_ledger("kind", {**content("0000:17:00.1"), "checkout": "/ours"})


def test_card_of_another_cluster_cannot_be_written_down(folders: Path) -> None:
    nic_root.keep_ledger("one", content("0000:17:00.0"))
    with pytest.raises(Problem, match=r"lent to kind-worker of cluster one"):
        nic_root.keep_ledger("two", content("0000:17:00.0"))
    assert not (folders / "two.json").exists()


def test_ledger_stays_in_its_folder(folders: Path) -> None:
    with pytest.raises(Problem, match="not a cluster's name"):
        nic_root.keep_ledger("../../etc/cron", content("0000:17:00.0"))


class Busy(PosixPath):
    """A file whose driver is busy for a number of writes."""

    times = 2
    tries = 0

    def write_text(self, data: str, *args: Any, **options: Any) -> int:
        self.tries += 1
        if self.tries <= self.times:
            raise OSError(16, "Device or resource busy")
        return super().write_text(data, *args, **options)


def test_busy_card_is_asked_again(tmp_path: Path) -> None:
    file = Busy(tmp_path / "sriov_numvfs")
    nic_root.write_patiently(file, "8", deadline=15)
    assert (file.read_text(), file.tries) == ("8", 3)


def test_card_that_stays_busy_is_one_line(tmp_path: Path) -> None:
    file = Busy(tmp_path / "sriov_numvfs")
    file.times = 1000
    with pytest.raises(Problem, match=r"sriov_numvfs: accept 8.*Device or resource busy"):
        nic_root.write_patiently(file, "8", deadline=0.2)

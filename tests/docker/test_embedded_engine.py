"""The embedded engine, really started and stopped in a network namespace of its own.

There, its bridge and its packet filter rules do not meet those of an engine that the machine uses.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tasks.engines.docker import client, embedded, embedded_mounts
from tasks.engines.go import modules
from tasks.engines.programs import shell
from tasks.engines.programs.waiting import until
from tasks.settings import artifacts, parameters
from tests.docker.private_engine import STOP, PrivateEngine, processes_with

ENSURE = "from tasks.docker_engine import service as engine; engine.ensure()"
# A node is a privileged container; this one serves until it is removed.
BUILD = """
from pathlib import Path
from tasks.engines.docker import images
images.build(Path({context!r}), "engine-test:1", labels={{"test": "yes"}})
"""
RUN = """
from tasks.engines.docker import client, containers, images
command = ["/ca-server", "127.0.0.1:80", "/", "/none"]
client.client().containers.run("engine-test:1", command, privileged=True, detach=True, name="engine-test")
print(containers.find("engine-test").status, images.find("engine-test:1").labels["test"])
"""
# A killed engine leaves the rules of a published port behind.
PUBLISH = RUN.replace("privileged=True", "ports={'80/tcp': ('127.0.0.1', 8080)}")
NAME = "from tasks.engines.docker import containers; print(containers.find('engine-test').name)"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    shutil.copy(modules.program(artifacts.CA_SERVER, "ca-server", parameters.current()), folder)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY ca-server /ca-server\n", encoding="utf-8")
    return folder


def kill(number: int) -> None:
    os.kill(number, signal.SIGKILL)
    until("dockerd: gone", lambda: Path(f"/proc/{number}").exists(), lambda there: not there, deadline=10)


def test_it_starts_runs_a_node_like_container_and_leaves_nothing_behind(private: PrivateEngine, context: Path) -> None:
    private.python(ENSURE)
    private.python(BUILD.format(context=str(context)))
    assert private.python(RUN).split() == ["running", "yes"]

    private.python(STOP)
    assert not private.engine.run.exists()
    assert str(private.cache) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert processes_with(str(private.engine.run)) == []
    assert private.engine.bridge not in private.inside("ip", "-brief", "link")
    rules = private.inside("iptables-save")
    assert "DOCKER" not in rules
    assert ":FORWARD ACCEPT" in rules


# What a user's firewall may hold before the engine first starts, and what a user adds for containers while it runs.
BEFORE = (
    ("iptables", "-N", "MY-DOCKER-HOSTS"),
    ("iptables", "-A", "MY-DOCKER-HOSTS", "-s", "192.0.2.1/32", "-j", "ACCEPT"),
    ("iptables", "-A", "INPUT", "-j", "MY-DOCKER-HOSTS"),
    ("iptables", "-A", "FORWARD", "-s", "192.0.2.2/32", "-m", "comment", "--comment", "not for DOCKER", "-j", "DROP"),
    ("iptables", "-t", "nat", "-N", "DOCKER-ISOLATION-STAGE-1"),
    ("ip6tables", "-N", "DOCKER"),
    ("ip6tables", "-A", "DOCKER", "-s", "2001:db8::1/128", "-j", "DROP"),
)
WHILE = (
    ("iptables", "-I", "DOCKER-USER", "-s", "192.0.2.3/32", "-j", "DROP"),
    ("iptables", "-I", "FORWARD", "-i", "{bridge}", "-p", "tcp", "-m", "tcp", "--dport", "25", "-j", "DROP"),
    ("ip6tables", "-A", "FORWARD", "-s", "2001:db8::2/128", "-m", "comment", "--comment", "DOCKER", "-j", "DROP"),
)
# The rules that keep the user's rules in DOCKER-USER in force.
KEPT = {":DOCKER-USER - ", "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN"}


def packet_filter(private: PrivateEngine) -> set[str]:
    """Return the chains with their policies, and the rules, without counters and comments."""
    saved = private.inside("iptables-save") + private.inside("ip6tables-save")
    return {line.partition("[")[0] for line in saved.splitlines() if line.startswith((":", "-A"))}


def as_saved(private: PrivateEngine, rules: tuple[tuple[str, ...], ...]) -> set[str]:
    words = (" ".join(["-A", *rule[2:]]).format(bridge=private.engine.bridge) for rule in rules)
    return {line.replace("--comment not for DOCKER", '--comment "not for DOCKER"') for line in words}


def test_the_rules_of_the_user_outlive_it_and_its_own_do_not(private: PrivateEngine, context: Path) -> None:
    private.inside(
        "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/conf/all/accept_redirects"
    )
    for rule in BEFORE:
        private.inside(*rule)
    before = packet_filter(private)
    private.python(ENSURE)
    for there in WHILE:
        private.inside(*(word.format(bridge=private.engine.bridge) for word in there))
    private.python(BUILD.format(context=str(context)))
    private.python(PUBLISH)
    assert ":FORWARD DROP " in packet_filter(private)

    kill(private.pid())
    private.python(STOP)
    assert packet_filter(private) == before | as_saved(private, WHILE) | KEPT
    settings = private.inside(
        "sh", "-c", "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/accept_redirects"
    )
    assert settings.split() == ["0", "0"]


def test_what_the_user_mounted_stays_mounted(private: PrivateEngine, context: Path, tmp_path: Path) -> None:
    beneath, bound = private.engine.data / "of the user", tmp_path / "bound"
    for folder in (private.engine.data, bound):
        folder.mkdir(parents=True)
    shell.run(["mount", "-t", "tmpfs", "disk", private.engine.data])
    try:
        beneath.mkdir()
        (bound / "file").write_text("of the user", encoding="ascii")
        shell.run(["mount", "--bind", bound, beneath])
        private.python(ENSURE)
        private.python(BUILD.format(context=str(context)))
        private.python(RUN)
        kill(private.pid())
        private.python(STOP)
        assert mounted_below(private.cache) == [str(private.engine.data), str(beneath)]
        assert (beneath / "file").read_text(encoding="ascii") == "of the user"
    finally:
        shell.run(["umount", "--recursive", private.engine.data], check=False)


NETWORK = """
import json
from tasks.engines.docker import client, networks
{code}
networks.ensure({name!r})
print(json.dumps(client.client().api.inspect_network({name!r})))
"""
# A cloud's network as a machine sees it: its packets are smaller than Ethernet's.
CLOUD = (
    "ip link add cloud mtu 1450 type veth peer name far; ip address add 192.0.2.1/24 dev cloud; ip link set cloud up; \
ip route add default via 192.0.2.2"
)


def test_the_network_of_the_nodes_is_the_one_that_kind_would_make(private: PrivateEngine, context: Path) -> None:
    private.inside("sh", "-c", CLOUD)
    private.python(ENSURE)
    made = json.loads(private.python(NETWORK.format(name="kind", code="")))
    assert made["Options"] == {
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.driver.mtu": "1450",
    }
    assert made["EnableIPv6"]
    assert "fc00:f853:ccd:e793::/64" in [config["Subnet"] for config in made["IPAM"]["Config"]]
    assert made["Labels"] == {client.OURS: "1"}
    private.python(BUILD.format(context=str(context)))
    private.python(RUN.replace("privileged=True", "network='kind'"))
    assert "mtu 1450" in private.inside("ip", "link", "show", "master", f"br-{made['Id'][:12]}")

    foreign = "client.client().api.create_network('other', driver='bridge')"
    found = json.loads(private.python(NETWORK.format(name="other", code=foreign)))
    assert not found["EnableIPv6"]
    assert found["Labels"] == found["Options"] == {}


def mounted_below(folder: Path) -> list[str]:
    mounts = [embedded_mounts.parse(line) for line in Path("/proc/self/mountinfo").read_bytes().splitlines()]
    return [mount.point for mount in mounts if mount.point.startswith(str(folder))]


def test_another_run_finds_it_and_images_outlive_it(private: PrivateEngine, context: Path) -> None:
    private.python(ENSURE)
    private.python(BUILD.format(context=str(context)))
    first = private.pid()
    private.python(ENSURE)
    assert private.pid() == first
    private.python(STOP)
    private.python(ENSURE)
    assert private.pid() != first
    assert private.python(RUN).split() == ["running", "yes"]


def test_it_comes_back_after_a_kill_with_its_containers(private: PrivateEngine, context: Path) -> None:
    private.python(ENSURE)
    private.python(BUILD.format(context=str(context)))
    private.python(RUN)
    kill(private.pid())
    private.python(ENSURE)
    assert "engine-test" in private.python(
        "from tasks.engines.docker import containers; print(containers.find('engine-test').name)"
    )


def test_a_pid_file_that_names_another_process_is_no_obstacle(private: PrivateEngine) -> None:
    private.engine.run.mkdir(parents=True)
    private.engine.pid_file.write_text(str(os.getpid()), encoding="ascii")
    assert embedded.pid(private.engine) is None
    private.python(ENSURE)
    assert private.pid() != os.getpid()


def test_a_socket_without_an_engine_is_no_engine(private: PrivateEngine) -> None:
    private.engine.run.mkdir(parents=True)
    private.engine.socket.touch()
    private.python(ENSURE)
    assert private.pid()


def test_what_cannot_start_shows_the_end_of_its_log(private: PrivateEngine) -> None:
    private.engine.data.mkdir(parents=True)
    (private.engine.data / "containerd").touch()
    said = private.python(
        "from tasks.docker_engine import service as engine\nfrom tasks.problems import Problem\n"
        "try:\n    engine.ensure()\nexcept Problem as problem:\n    print(problem)"
    )
    assert "the embedded Docker engine ended with exit code 1" in said
    assert "containerd" in said
    assert str(private.engine.log) in said

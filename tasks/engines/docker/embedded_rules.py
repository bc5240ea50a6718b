"""The packet filter rules and kernel settings of the embedded engine: recorded as dockerd makes them, then undone.

dockerd's PATH begins with a folder of wrappers for `iptables`. Each wrapper runs the machine's own program and
records the call if it succeeds. So only what this engine added is removed, and not what merely looks the same.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tasks import progress
from tasks.engines.programs import shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tasks.engines.docker.embedded_home import Engine

_PROGRAMS = ("iptables", "ip6tables")
_SEPARATOR = "\x1f"
_WRAPPER = """#!/bin/sh
# {name} for the embedded engine's daemon: runs the machine's own, and records what it changed.
{program} "$@" || exit
# The rules that dockerd makes within a container end with it.
[ "$(readlink /proc/self/ns/net)" = '{namespace}' ] || exit 0
IFS=$(printf '\\037')
line="{name}$IFS$*"
for word in "$@"; do
    case "$word" in -A | -I | -D | -N | -X | -F | -P) printf '%s\\n' "$line" >>{record} && exit ;; esac
done
"""
_SYS = Path("/proc/sys/net")
# What dockerd switches on for the whole machine, and what else the kernel changes with each switch.
_SWITCHES = {
    "ipv4/ip_forward": ("ipv4/conf/*/forwarding", "ipv4/conf/all/accept_redirects"),
    "ipv6/conf/all/forwarding": ("ipv6/conf/*/forwarding",),
    "bridge/bridge-nf-call-iptables": (),
    "bridge/bridge-nf-call-ip6tables": (),
}


class Chain(NamedTuple):
    """A chain of the packet filter: its program (`iptables` or `ip6tables`), table and name."""

    program: str
    table: str
    name: str


class Rule(NamedTuple):
    """A rule: its chain, and the words that describe it."""

    chain: Chain
    words: tuple[str, ...]

    @property
    def target(self) -> Chain:
        """The chain it jumps to; its name is empty if there is none."""
        position = self.words.index("-j") + 1 if "-j" in self.words else len(self.words)
        return self.chain._replace(name=self.words[position] if position < len(self.words) else "")

    @property
    def is_of_an_interface(self) -> bool:
        """Whether it names an interface, which is always one of the engine's bridges."""
        return bool({"-i", "-o"} & set(self.words))


@dataclass(frozen=True)
class Changes:
    """The net result of recorded calls of iptables.

    Attributes:
        rules: How many copies of each rule were added.
        chains: Whether each chain was added: one or none.
        policies: The last policy of each chain that was given one.
    """

    rules: Counter[Rule] = field(default_factory=Counter)
    chains: Counter[Chain] = field(default_factory=Counter)
    policies: dict[Chain, str] = field(default_factory=dict)


def changes(lines: Iterable[str]) -> Changes:
    """Return the net result of recorded calls; a rule that was removed and added again counts as unchanged.

    Args:
        lines: One call each: the program and its arguments.
    """
    made = Changes()
    for line in lines:
        program, *words = line.split(_SEPARATOR)
        _count(made, program, words)
    return made


def record(target: Engine) -> str:
    """Set up the recording of dockerd's changes, and save the settings that it will switch on.

    Returns:
        The folder that has to come first on dockerd's PATH.
    """
    folder = target.home / "programs"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PROGRAMS:
        program = shutil.which(name)
        if program:
            words = {"program": shlex.quote(program), "record": shlex.quote(str(_record(target)))}
            text = _WRAPPER.format(name=name, namespace=Path("/proc/self/ns/net").readlink(), **words)
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)
    if not _remembered(target).exists():
        _remembered(target).write_text(json.dumps({"settings": _settings(), "policies": _policies()}), encoding="utf-8")
    return str(folder)


def undo(target: Engine, *, shared: bool) -> None:
    """Remove what the engine added and switch off what it switched on, unless something else uses it.

    Args:
        target: The engine, which is stopped.
        shared: Whether another engine uses the chains that are not tied to an interface.
    """
    if not _remembered(target).exists():
        progress.line("Left the packet filter as it is: there is no record of the embedded Docker engine's rules.")
        return
    if not _record(target).exists():
        return
    made = changes(_record(target).read_text(encoding="utf-8").splitlines())
    rules = [rule for rule in reversed(made.rules) if made.rules[rule] > 0]
    chains = [chain for chain in reversed(made.chains) if made.chains[chain] > 0]
    used = chains if shared else [chain for chain in chains if _has_others(chain, rules)]
    for rule in rules:
        if rule.is_of_an_interface or not ({rule.chain, rule.target} & set(used) or shared):
            _remove(rule, made.rules[rule])
    if shared:
        return
    for chain in chains:
        _remove_chain(chain)
    _restore_settings(target, made)


def _count(made: Changes, program: str, words: list[str]) -> None:
    """Add one call to the result of the calls before it; a call that names no table means the filter table."""
    actions = [position for position, word in enumerate(words) if word in _ACTIONS]
    if not actions or len(words) < actions[0] + 2:
        return
    options, action, name, rest = words[: actions[0]], *words[actions[0] : actions[0] + 2], words[actions[0] + 2 :]
    table = options[options.index("-t") + 1] if "-t" in options else "filter"
    _ACTIONS[action](made, Chain(program, table, name), rest)


def _add(made: Changes, chain: Chain, words: Sequence[str]) -> None:
    # `-I CHAIN 1 ...` gives the position first.
    made.rules[Rule(chain, tuple(words[1:] if words and words[0].isdigit() else words))] += 1


def _delete(made: Changes, chain: Chain, words: Sequence[str]) -> None:
    made.rules[Rule(chain, tuple(words))] -= 1


def _flush(made: Changes, chain: Chain, _: Sequence[str]) -> None:
    for rule in [rule for rule in made.rules if rule.chain == chain]:
        del made.rules[rule]


def _new_chain(made: Changes, chain: Chain, _: Sequence[str]) -> None:
    made.chains[chain] += 1


def _delete_chain(made: Changes, chain: Chain, _: Sequence[str]) -> None:
    made.chains[chain] -= 1


def _set_policy(made: Changes, chain: Chain, words: Sequence[str]) -> None:
    made.policies[chain] = words[0]


_ACTIONS = {
    "-A": _add,
    "-I": _add,
    "-D": _delete,
    "-F": _flush,
    "-N": _new_chain,
    "-X": _delete_chain,
    "-P": _set_policy,
}


def _has_others(chain: Chain, rules: Iterable[Rule]) -> bool:
    """Return whether a chain holds other rules than those given."""
    listed = _iptables(chain, "-S", check=False).stdout.splitlines()
    ours = [rule for rule in rules if rule.chain == chain and _is_there(rule)]
    return sum(line.startswith("-A ") for line in listed) > len(ours)


def _is_there(rule: Rule) -> bool:
    return _iptables(rule.chain, "-C", *rule.words, check=False).returncode == 0


def _remove(rule: Rule, count: int) -> None:
    for _ in range(count):
        if _is_there(rule):
            _iptables(rule.chain, "-D", *rule.words)


def _remove_chain(chain: Chain) -> None:
    """Remove a chain; the kernel refuses if the chain holds a rule or a rule jumps to it."""
    if _iptables(chain, "-S", check=False).returncode != 0:
        return
    if _iptables(chain, "-X", check=False).returncode != 0:
        progress.line(f"Left chain {chain.name} of {chain.program}: rules of other programs use it.")


def _restore_settings(target: Engine, made: Changes) -> None:
    """Switch off what was off before, then restore each policy that is still the one that dockerd set.

    In this order, the machine never forwards what it did not forward before.
    """
    before = json.loads(_remembered(target).read_text(encoding="utf-8"))
    for switch in _SWITCHES:
        _restore_switch(switch, before["settings"])
    for chain, policy in made.policies.items():
        earlier = before["policies"].get(chain.program, policy)
        if chain.name == "FORWARD" and _policy(chain) == policy != earlier:
            _iptables(chain, "-P", earlier)


def _restore_switch(switch: str, before: dict[str, str]) -> None:
    file = _SYS / switch
    if before.get(switch) != "0" or not file.exists() or file.read_text(encoding="ascii").strip() != "1":
        return
    file.write_text("0", encoding="ascii")
    for pattern in _SWITCHES[switch]:
        for follower in _SYS.glob(pattern):
            value = before.get(str(follower.relative_to(_SYS)))
            if value is not None and follower.read_text(encoding="ascii").strip() != value:
                follower.write_text(value, encoding="ascii")
    progress.line(f"Switched net.{switch.replace('/', '.')} off again, as it was before the embedded Docker engine.")


def _settings() -> dict[str, str]:
    patterns = [pattern for switch, followers in _SWITCHES.items() for pattern in (switch, *followers)]
    files = {file for pattern in patterns for file in _SYS.glob(pattern)}
    return {str(file.relative_to(_SYS)): file.read_text(encoding="ascii").strip() for file in sorted(files)}


def _policies() -> dict[str, str]:
    found = {name: _policy(Chain(name, "filter", "FORWARD")) for name in _PROGRAMS if shutil.which(name)}
    return {name: policy for name, policy in found.items() if policy}


def _policy(chain: Chain) -> str:
    """Return the policy of a built-in chain, or an empty string if the kernel has no such table."""
    words = _iptables(chain, "-S", check=False).stdout.partition("\n")[0].split()
    return words[2] if words[:1] == ["-P"] else ""


def _iptables(chain: Chain, action: str, *words: str, check: bool = True) -> shell.Completed:
    return shell.run([chain.program, "--wait", "-t", chain.table, action, chain.name, *words], check=check)


def _record(target: Engine) -> Path:
    """Return the file that holds the recorded calls; like the rules, it does not survive a reboot."""
    return target.run / "iptables-record"


def _remembered(target: Engine) -> Path:
    return target.run / "network-before.json"

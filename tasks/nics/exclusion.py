"""Never a real and an emulated card for one cluster: what is there of one kind stands against the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.engines.files import ledgers
from tasks.engines.host.facts import Host
from tasks.nics import emulated
from tasks.nics import ledger as nics_ledger
from tasks.nics import wish as nics_wish
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

_EARLIER = "./doit nics_restore, then the same command"


def objection(chosen: Parameters, host: Host | None = None) -> Problem | None:
    """Return why the workers must not get the kind of cards that the parameters ask for, or None.

    Args:
        chosen: The parameters of the run.
        host: The machine; None for this one.

    Raises:
        Problem: The ledger cannot be understood.
    """
    if emulated.asked_for(chosen):
        return _against_emulation(chosen, host or Host())
    if emulated.is_there(chosen.cluster_name):
        text = f"EMULATE: cluster {chosen.cluster_name} has emulated network cards"
        return Problem(f"{text}, and no real one is lent to it before they are gone", hint=_EARLIER)
    return None


def require(chosen: Parameters) -> None:
    """Stop if the workers must not get the kind of cards that the parameters ask for.

    Raises:
        Problem: One line that names a card of the other kind.
    """
    found = objection(chosen)
    if found is not None:
        raise found


def lack(chosen: Parameters) -> Lack:
    """Return the same as an obstacle.

    Args:
        chosen: The parameters of the run.
    """
    found = objection(chosen)
    return lacks.obstacle(found.message) if found is not None else lacks.NOTHING


def _against_emulation(chosen: Parameters, host: Host) -> Problem | None:
    lent = ", ".join(_lent(chosen.cluster_name))
    if lent:
        return Problem(f"EMULATE: cluster {chosen.cluster_name} has {lent} of this machine", hint=_EARLIER)
    real = ", ".join(_real(chosen, host))
    if real:
        return Problem(f"EMULATE: this machine has {real} with SR-IOV", hint="EMULATE without sriov; or other names")
    return None


def _lent(cluster: str) -> Iterator[str]:
    """Yield the names of the cards that are lent to a cluster."""
    ledger = nics_ledger.load(cluster) if ledgers.exists(nics_ledger.path(cluster)) else None
    yield from (record.name for record in (ledger.physical_functions() if ledger and not ledger.home else ()))


def _real(chosen: Parameters, host: Host) -> Iterator[str]:
    """Yield the cards with SR-IOV that the parameters name and that this machine has."""
    for wish in nics_wish.wishes(chosen).values():
        function = host.function_of(wish.interface)
        if function is not None and function.total_vfs:
            yield f"{wish.interface} ({wish.parameter('interface')})"

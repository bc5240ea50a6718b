"""Checks whether the layers make valid parameters, and says what is wrong with each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydantic

from tasks import similar
from tasks.settings import credentials, makefile
from tasks.settings.parameters.model import Parameters
from tasks.settings.parameters.rules import broken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.settings.parameters.layers import Layers, Setting

# Names with these prefixes can only be meant for this tool, so an unknown one is a mistake.
_OWN_PREFIXES = (
    *("DCI_", "SRIOV_", "NV_IPAM_", "NVIDIA_K8S_IPAM_", "WHEREABOUTS_"),
    *("CRIO_", "METALLB_", "MULTUS_", "CALICO_"),
)
_SIMILAR = 0.85
# Variables that many programs read, although a parameter has a similar name.
_OF_PROGRAMS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def check(layers: Layers) -> tuple[Parameters | None, list[str]]:
    """Validate what the sources say.

    Args:
        layers: What the sources say.

    Returns:
        The parameters and no complaint, or None and one line per complaint: `file:line: NAME: reason`.
    """
    complaints = [*layers.complaints, *_unknown_names(layers), *_credentials(layers)]
    parameters: Parameters | None = None
    try:
        parameters = Parameters.model_validate({name.lower(): value for name, value in layers.values().items()})
    except pydantic.ValidationError as invalid:
        complaints += [_line(layers, str(error["loc"][0]).upper(), _reason(error)) for error in invalid.errors()]
    else:
        complaints += [_line(layers, name, reason) for name, reason in broken(parameters)]
    return (None if complaints else parameters), complaints


def _line(layers: Layers, name: str, reason: str) -> str:
    setting = layers.settings.get(name)
    origin = setting.origin if setting else "env/defaults.env"
    return f"{origin}: {name}: {reason}"


def _reason(error: Any) -> str:
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "literal_error":
        return f"{error['input']!r} is not {error['ctx']['expected']}"
    return str(error["msg"]).removeprefix("Value error, ")


def ineffective(layers: Layers) -> list[str]:
    """Return one line for each name in a file that is no parameter but may be meant for a program; it has no effect.

    Args:
        layers: What the sources say.
    """
    known = _known(layers)
    others = (one for one in layers.strangers if ":" in one.origin and one.name not in credentials.NAMES)
    return [
        f"{one.origin}: {one.name}: does nothing here, as it is no parameter; export it in the shell for programs"
        for one in others
        if not _is_meant_for_this_tool(one, known)
    ]


def _unknown_names(layers: Layers) -> Iterator[str]:
    """Yield a complaint for each name, in any case of letters, that is meant for this tool but not in its table."""
    known = _known(layers)
    for stranger in layers.strangers:
        if stranger.name not in credentials.NAMES and _is_meant_for_this_tool(stranger, known):
            yield f"{stranger.origin}: {stranger.name}: is not a parameter{_instead(stranger.name, known)}"


def _instead(name: str, known: Sequence[str]) -> str:
    """Return what to use in place of a name that is no parameter, as the rest of a sentence."""
    if name in makefile.VARIABLES:
        return f": {makefile.VARIABLES[name]}"
    return similar.meant(name.upper(), known)


def _known(layers: Layers) -> list[str]:
    return [*(declaration.name for declaration in layers.declarations), *credentials.NAMES]


def _is_meant_for_this_tool(stranger: Setting, known: Sequence[str]) -> bool:
    name = stranger.name.upper()
    if name.startswith(_OWN_PREFIXES):
        return True
    is_searched = ":" in stranger.origin and name not in _OF_PROGRAMS
    if is_searched and stranger.name in makefile.VARIABLES:
        return True
    return is_searched and bool(similar.nearest(name, known, _SIMILAR))


def _credentials(layers: Layers) -> Iterator[str]:
    """Yield a complaint for each credential that a file holds, and one if only half of them is given."""
    found = [stranger for stranger in layers.strangers if stranger.name in credentials.NAMES and stranger.value]
    for stranger in found:
        if ":" in stranger.origin:
            yield f"{stranger.origin}: {stranger.name}: is taken from the environment only, so that no file holds it"
    missing = set(credentials.NAMES) - {stranger.name for stranger in found}
    if found and missing:
        yield f"{found[0].origin}: {', '.join(missing)}: is not set, but {found[0].name} is"

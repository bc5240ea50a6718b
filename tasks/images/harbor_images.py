"""Function images that are in the cluster's registry already, as the scenario manual wants them: used as they are.

Each image counts for itself. So whoever has put only some of them into harbor gets the others built.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tasks.archive import facts
from tasks.problems import Problem
from tasks.registry import certificates, client
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.registry.client import Answer
    from tasks.settings.parameters.model import Parameters

HINT = "FUNCTION_IMAGES=source, which builds them here"
_IMAGES = {image.name: image for image in controller.FUNCTION_IMAGES if not image.published}


def reference(name: str, current: Parameters) -> str:
    """Return the full name of a function's image, as the scenario manual has it pushed.

    Args:
        name: Name of an image, such as "cpufunc_gst".
        current: The parameters of the run.
    """
    return f"{current.dci_registry_addr_alt}/{name}:{current.function_images_tag}"


def taken(name: str, current: Parameters) -> str:
    """Return the full name of the image that is used as it is, or an empty string if it is built.

    Args:
        name: Name of an image.
        current: The parameters of the run.

    Raises:
        Problem: FUNCTION_IMAGES is auto, and the registry does not say whether it has the image: what runs must not be
            replaced because of one moment.
    """
    if current.function_images != "auto":
        return reference(name, current) if current.function_images == "registry" else ""
    answer = _answers(current)[name]
    if answer.refusal and not answer.is_absent:
        hint = f"{client.of(current).login_hint}; or FUNCTION_IMAGES=source"
        raise Problem(f"image {reference(name, current)}: {answer.refusal}", hint=hint)
    return "" if answer.refusal else reference(name, current)


def missing(name: str, current: Parameters) -> tuple[str, ...]:
    """Return one line with the cure if FUNCTION_IMAGES requires an image that the registry does not have.

    Args:
        name: Name of an image.
        current: The parameters of the run.

    Raises:
        Problem: The registry does not answer.
    """
    refusal = _answers(current)[name].refusal if current.function_images == "registry" else ""
    if not refusal:
        return ()
    wanted, folder = reference(name, current), facts.shown(paths.source() / _IMAGES[name].context)
    return (f"image {wanted}: {refusal}: docker build -t {wanted} {folder} && docker push {wanted}",)


def say_who_pulls(name: str, current: Parameters) -> None:
    """Report, once in a run, that nodes need credentials for an image that only `docker login` led to."""
    if current.function_images != "source":
        client.of(current).say_who_pulls([_answers(current)[name]])


def _answers(current: Parameters) -> Mapping[str, Answer]:
    """Return what the registry says about each function's image.

    Raises:
        Problem: It does not answer.
    """
    outcome = _outcome(current)
    if not isinstance(outcome, Problem):
        return outcome
    if current.registry == "embedded":
        # The same run may start it.
        forget()
    raise outcome


@functools.cache
def _outcome(current: Parameters) -> Mapping[str, Answer] | Problem:
    """Return the answers, or why there are none: asked once in a run, for all images side by side."""
    names = {reference(name, current): name for name in _IMAGES}
    try:
        answers = certificates.reachable(client.of(current), current).answers(names)
    except Problem as problem:
        return problem
    return {names[wanted]: answer for wanted, answer in answers.items()}


def forget() -> None:
    """Forget what the registry said, after something was pushed to it by hand."""
    _outcome.cache_clear()

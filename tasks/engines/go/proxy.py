"""Whether the module proxy has the modules of an artifact. Its answer is remembered for a day."""

from __future__ import annotations

import hashlib
import json
import math
import time
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.files import atomic
from tasks.engines.go import modules as go_modules
from tasks.engines.go import sources, toolchain
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.go.settings import GoSettings
    from tasks.settings.artifacts import GoArtifact

_LIFE_SECONDS = 24 * 3600


def refusal(artifact: GoArtifact, settings: GoSettings, base: str = "") -> str:
    """Return why the proxy refuses the sources of an artifact, in its words, or an empty string if it has them.

    A finished build needs no sources, so the proxy is not asked.

    Args:
        artifact: An entry of the artifact table that is built from a module.
        settings: The proxies, and where their answers are kept.
        base: What identifies the image whose C libraries it links, if it links any.

    Returns:
        The module with its version, and what the proxy said: `example.com/m@v1.0.0: 404 Not Found: no such version`.

    Raises:
        Problem: The proxy cannot be reached, or fails for another reason than not having the module.
    """
    answer = known(artifact, settings, base)
    if answer is None:
        answer = _ask(artifact, settings)
        atomic.write(_memory(artifact, settings), json.dumps({"refusal": answer, "time": time.time()}))
    return answer


def known(artifact: GoArtifact, settings: GoSettings, base: str = "") -> str | None:
    """Return the same as `refusal` without asking the proxy, or None if it would have to be asked.

    Args:
        artifact: An entry of the artifact table that is built from a module.
        settings: The proxies, and where their answers are kept.
        base: What identifies the image whose C libraries it links, if it links any.
    """
    answer = _answer(artifact, settings, base, _LIFE_SECONDS)
    # A version that is available, and whose modules have to be resolved, is asked for in any case.
    return answer if answer or sources.is_resolved(artifact, settings) else None


def last(artifact: GoArtifact, settings: GoSettings, base: str = "") -> str:
    """Return the last answer of the proxy, however old it is; an empty string if it was never asked.

    Args:
        artifact: An entry of the artifact table that is built from a module.
        settings: The proxies, and where their answers are kept.
        base: What identifies the image whose C libraries it links, if it links any.
    """
    return _answer(artifact, settings, base, math.inf) or ""


def _answer(artifact: GoArtifact, settings: GoSettings, base: str, life: float) -> str | None:
    """Return the last answer if it is not older than `life` seconds; a finished build needs none."""
    return "" if go_modules.is_built(artifact, settings, base) else _remembered(_memory(artifact, settings), life)


def _memory(artifact: GoArtifact, settings: GoSettings) -> Path:
    return settings.cache_dir / "go" / "answers" / f"{artifact.name}-{_question(artifact, settings)}.json"


def _question(artifact: GoArtifact, settings: GoSettings) -> str:
    """Return what identifies the question: the modules with their versions, and the proxies and sources."""
    modules = sources.version(artifact, settings)
    if sources.is_pinned(artifact, settings):
        modules = (sources.folder(artifact, settings) / "go.mod").read_text(encoding="utf-8")
    asked = [modules, settings.go_proxy, toolchain.proxies(settings), toolchain.sources()]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _remembered(memory: Path, life: float) -> str | None:
    try:
        answer = json.loads(memory.read_text(encoding="utf-8"))
        return str(answer["refusal"]) if 0 <= time.time() - answer["time"] < life else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _ask(artifact: GoArtifact, settings: GoSettings) -> str:
    """Ask for the module itself and, if the proxy has it, for everything that it requires."""
    progress.step(f"asking the module proxy for {artifact.name}")
    try:
        sources.resolve(artifact, settings)
    except sources.Unavailable as refused:
        return refused.words
    for modules in ((artifact.module,), ()):
        said = go_modules.fetch(artifact, settings, *modules)
        errors = [_error(answer) for answer in _answers(said) if "Error" in answer]
        if errors:
            return errors[0]
    return ""


def _answers(output: str) -> Iterator[dict[str, Any]]:
    """Yield the objects that `go mod download -json` prints one after the other."""
    decoder, rest = json.JSONDecoder(), output.lstrip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        yield answer
        rest = rest[end:].lstrip()


def _error(answer: dict[str, Any]) -> str:
    module = f"{answer['Path']}@{answer['Version']}"
    refused = sources.refusal(answer["Error"])
    if not refused:
        raise Problem(f"{module}: the module proxy gave no answer", hint="try again", details=answer["Error"])
    return refused if refused.startswith(f"{module}: ") else f"{module}: {refused}"

"""Jinja templates: rendered to text, never edited in place."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.engines.files import atomic
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template

# Words that every reader of YAML 1.1 and 1.2 takes for strings, except those of _NOT_STRINGS.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?!$))*")
_NOT_STRINGS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def render(template: Path, **values: Any) -> str:
    """Return the text of a template, which is rendered once for each set of values.

    Args:
        template: A Jinja file; besides Jinja's own filters, it can use `scalar` for a string in YAML.
        values: The variables that it may use; functions without arguments are called only for templates that do so.

    Raises:
        Problem: It uses another variable, or is not a valid template.
    """
    source = template.read_text(encoding="utf-8")
    kept = _kept(template, source, values)
    # Importing the library and compiling a template takes longer than most checks.
    with suppress(OSError):
        return kept.read_text(encoding="utf-8")
    text = _rendered(template, source, values)
    with suppress(Problem):  # a checkout that cannot be written: it only takes longer
        atomic.write(kept, text)
    return text


def _kept(template: Path, source: str, values: Mapping[str, Any]) -> Path:
    """Return the file for the text: its name tells of all that decides on it."""
    used = {name: value for name, value in sorted(values.items()) if re.search(rf"\b{name}\b", source)}
    known = {name: value() if callable(value) else value for name, value in used.items()}
    made_of = repr([Path(__file__).read_text(encoding="utf-8"), source, known])
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:20]
    return paths.RENDERED / "templates" / f"{template.name}-{digest}"


def _rendered(template: Path, source: str, values: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    try:
        return _compiled(source).render(values)
    except TemplateError as error:
        raise Problem(f"{template}: {error}") from error


# Cached: many are rendered once for each node, and compiling takes a hundred times as long as rendering.
@lru_cache(maxsize=32)
def _compiled(text: str) -> Template:
    import jinja2

    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701 - YAML, JSON and shell, not HTML
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["scalar"] = _scalar
    return environment.from_string(text)


def _scalar(value: object) -> str:
    """Return a text as a YAML string, quoted only if it would otherwise be read as something else."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _NOT_STRINGS else json.dumps(text)

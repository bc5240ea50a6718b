"""The layers of the parameters: the table, which value is in effect, and where it was given."""

from __future__ import annotations

import io
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


DEFAULTS = "defaults.env"
USER_FILE = ".env"
ENVIRONMENT = "environment"
GROUP = "### "
_DEFAULT_PROFILE = "physical"


@dataclass(frozen=True)
class Declaration:
    """A line of the table: a parameter with its group, meaning and default."""

    name: str
    group: str
    meaning: str
    default: str


@dataclass(frozen=True)
class Setting:
    """A value as it was given, and where: `file:line`, or `environment`."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True)
class Layers:
    """What all sources say together, before it is validated.

    Attributes:
        declarations: The table, in its order.
        settings: The value in effect for each parameter of the table.
        strangers: Settings of the files and of the environment whose name is not in the table.
        complaints: Lines that could not be read, each with its file and line.
    """

    declarations: tuple[Declaration, ...]
    settings: Mapping[str, Setting]
    strangers: tuple[Setting, ...]
    complaints: tuple[str, ...]

    def values(self) -> dict[str, str]:
        """Return the value in effect for each name."""
        return {name: setting.value for name, setting in self.settings.items()}


def read(root: Path, environ: Mapping[str, str]) -> Layers:
    """Read all sources of a checkout.

    Args:
        root: The checkout.
        environ: The process environment.

    Raises:
        Problem: PROFILE names no profile.
    """
    defaults = _File.read(root / "env" / DEFAULTS, root)
    user = _File.read(root / USER_FILE, root)
    names = [declaration.name for declaration in defaults.declarations]
    given = [Setting(name, value, ENVIRONMENT) for name, value in environ.items()]
    chosen = [*defaults.settings, *user.settings, *given]
    profile = _File.read(_profile_file(root, chosen), root)
    target = _File.read(_target_file(root, [*defaults.settings, *profile.settings, *user.settings, *given]), root)
    files = [defaults, profile, target, user]
    everything = [setting for file in files for setting in file.settings] + given
    return Layers(
        declarations=defaults.declarations,
        settings={setting.name: setting for setting in everything if setting.name in names},
        strangers=tuple(setting for setting in everything if setting.name not in names),
        complaints=tuple(complaint for file in files for complaint in file.complaints),
    )


def read_file(path: Path, root: Path) -> tuple[Setting, ...]:
    """Return the settings of one file, none when it is absent.

    Args:
        path: The file.
        root: Folder that the origins are relative to.
    """
    return _File.read(path, root).settings


def _profile_file(root: Path, settings: Iterable[Setting]) -> Path:
    """Return the file of the profile that the other sources choose."""
    chosen = {setting.name: setting for setting in settings}.get("PROFILE")
    profile = chosen.value if chosen else _DEFAULT_PROFILE
    known = sorted(file.stem for file in (root / "env").glob("*.env") if file.name != DEFAULTS)
    if profile not in known:
        origin = chosen.origin if chosen else ENVIRONMENT
        raise Problem(f"{origin}: PROFILE: {profile!r} is not a profile", hint=f"PROFILE={' or PROFILE='.join(known)}")
    return root / "env" / f"{profile}.env"


def _target_file(root: Path, settings: Iterable[Setting]) -> Path:
    """Return the file of the target that the other sources choose; not each target has one."""
    chosen = {setting.name: setting.value for setting in settings}.get("TARGET", "")
    return root / "env" / "target" / f"{chosen.replace('/', '')}.env"


@dataclass(frozen=True)
class _File:
    """What one file says."""

    declarations: tuple[Declaration, ...]
    settings: tuple[Setting, ...]
    complaints: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, root: Path) -> _File:
        from dotenv.parser import parse_stream

        declarations, settings, complaints = [], [], []
        group, meaning = "", ""
        shown = path.relative_to(root).as_posix()
        for binding in parse_stream(io.StringIO(_text(path))):
            text = binding.original.string
            line = binding.original.line + len(text) - len(text.lstrip("\n"))
            if binding.error or (binding.key is not None and binding.value is None):
                complaints.append(f"{shown}:{line}: the line is not of the form NAME=value")
            elif binding.key is None:
                comment = text.strip()
                group = comment.removeprefix(GROUP) if comment.startswith(GROUP) else group
                meaning = comment.lstrip("# ")
            else:
                value = binding.value or ""
                settings.append(Setting(binding.key, value, f"{shown}:{line}"))
                declarations.append(Declaration(binding.key, group, meaning, value))
        return cls(tuple(declarations), tuple(settings), tuple(complaints))


def _text(path: Path) -> str:
    """Return the text of a file that may be absent."""
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise Problem(f"{path.name}: not a UTF-8 text file", hint=f"file {shlex.quote(str(path))}") from None
    except IsADirectoryError:
        quoted = shlex.quote(str(path))
        raise Problem(f"{path.name}: is a folder, not a file", hint=f"mv {quoted} {quoted}.old") from None
    except PermissionError:
        cure = f'sudo chown "$(id -un)": {shlex.quote(str(path))} && chmod u+r {shlex.quote(str(path))}'
        raise Problem(f"{path.name}: cannot be read by this user", hint=cure) from None
    except OSError as error:
        raise Problem(f"{path.name}: cannot be read: {error.strerror}") from None

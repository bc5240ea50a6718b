"""Downloads: atomic, resumed or restarted, and verified. Proxies come from the environment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, TypeVar

from tasks import progress
from tasks.engines.files import digests
from tasks.engines.files.lock import alone
from tasks.engines.programs import proxies
from tasks.problems import Problem, UntrustedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests

T = TypeVar("T")

_ATTEMPTS = 6
_LONGEST_PAUSE = 20.0
_TIMEOUT = (10.0, 60.0)
_CHUNK = 1 << 20
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_CLIENT_ERRORS = range(400, 500)
# Client errors that may pass: timeout, too early, too many requests.
_PASSING = frozenset({408, 425, 429})


class _PassingError(Exception):
    """A failure that may pass: the answer ended early, or the server has a temporary error."""


def fetch(url: str, target: Path, *, sha256: str) -> Path:
    """Download a file, unless it already exists with the right checksum.

    Args:
        url: Its address.
        target: Its path here; the part of an interrupted download is kept beside it and continued.
        sha256: Checksum of the content, in hexadecimal digits.

    Returns:
        `target`.

    Raises:
        Problem: It cannot be downloaded, or has another checksum.
    """
    with alone(target):
        if not (target.is_file() and digests.read(target) == sha256):
            _retrying(url, lambda: _continue(url, _part(target)))
            _verify(url, _part(target), sha256)
            _part(target).replace(target)
        _validator(target).unlink(missing_ok=True)
    return target


def read(url: str, *, limit: int, attempts: int = _ATTEMPTS) -> bytes:
    """Return the content at `url`.

    Args:
        url: Its address.
        limit: The largest size that is accepted, in bytes.
        attempts: How often to try.

    Raises:
        Problem: It cannot be downloaded, or is larger.
    """
    return _retrying(url, lambda: _read_once(url, limit), attempts)


def _read_once(url: str, limit: int) -> bytes:
    with _get(url, {}) as answer:
        return b"".join(_chunks(answer, limit))


def _chunks(answer: requests.Response, limit: int) -> Iterator[bytes]:
    received = 0
    for chunk in answer.iter_content(_CHUNK):
        received += len(chunk)
        if received > limit:
            raise Problem(f"{answer.url}: larger than {limit} bytes")
        yield chunk


def _continue(url: str, part: Path) -> None:
    """Append what is missing to `part`, or start over if the server cannot continue the same content."""
    validator = _validator(part.with_suffix(""))
    have = part.stat().st_size if part.exists() and validator.exists() else 0
    headers = {"Range": f"bytes={have}-", "If-Range": validator.read_text(encoding="latin-1")} if have else {}
    with _get(url, headers) as answer:
        continued = answer.status_code == _PARTIAL_CONTENT
        done = have if continued else 0
        if not continued:
            _remember_validator(answer, validator)
        length = answer.headers.get("Content-Length", "")
        total = done + int(length) if length.isdecimal() else 0
        with part.open("ab" if continued else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                done += file.write(chunk)
                progress.step(f"downloading {part.stem} ({_amount(done, total)})")


def _remember_validator(answer: requests.Response, validator: Path) -> None:
    """Keep the strong ETag or the date that distinguishes this content from later content at the same address."""
    tag = answer.headers.get("ETag", "")
    mark = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
    if mark:
        validator.write_text(mark, encoding="latin-1")
    else:
        validator.unlink(missing_ok=True)


def _get(url: str, headers: dict[str, str]) -> requests.Response:
    import requests

    # Without "identity", a server may compress the answer, whose length would not match and which cannot be continued.
    headers = {"Accept-Encoding": "identity", **headers}
    answer = requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT, proxies=proxies.direct(url))
    status = answer.status_code
    if answer.ok:
        return answer
    answer.close()
    if status == _RANGE_NOT_SATISFIABLE and "Range" in headers:
        return _get(url, {})
    if status in _CLIENT_ERRORS and status not in _PASSING:
        raise Problem(f"{url}: {status} {answer.reason}")
    raise _PassingError(f"{status} {answer.reason}")


def _retrying(url: str, attempt: Callable[[], T], attempts: int = _ATTEMPTS) -> T:
    """Retry after failures that may pass, with growing random pauses."""
    import requests

    try:
        return _patiently(url, attempt, attempts) if attempts > 1 else attempt()
    except requests.exceptions.SSLError as error:
        address = (error.request.url if error.request is not None else None) or url
        at = "" if address == url else f"{address}: "
        message = f"{url}: not downloaded: {at}{_reason(error)}"
        raise UntrustedServer(message, address=address, hint=f"curl -fLO {shlex.quote(url)}") from error
    # requests raises a ValueError if a server redirects to an invalid address.
    except (requests.RequestException, _PassingError, ValueError) as error:
        raise Problem(f"{url}: not downloaded: {_reason(error)}", hint=f"curl -fLO {shlex.quote(url)}") from error


def _patiently(url: str, attempt: Callable[[], T], attempts: int) -> T:
    import requests
    import tenacity  # not for a single attempt: importing it would cost every run 30 ms

    # An invalid certificate or address does not become valid.
    lasting = (requests.exceptions.SSLError, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(
            lambda error: (
                isinstance(error, (requests.RequestException, _PassingError)) and not isinstance(error, lasting)
            )
        ),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE),
        stop=tenacity.stop_after_attempt(attempts),
        before_sleep=lambda state: progress.step(f"{url}: try {state.attempt_number + 1} of {attempts}"),
        reraise=True,
    )(attempt)


def _reason(error: Exception) -> str:
    """Return the innermost cause of an error that requests and urllib3 have wrapped several times."""
    text = str(error)
    return text.rsplit(": ", 1)[-1].rstrip("')\"") if "Max retries" in text else text


def _verify(url: str, part: Path, sha256: str) -> None:
    found = digests.read(part)
    if found != sha256:
        part.unlink()
        raise Problem(f"{url}: its SHA-256 is {found}, not {sha256}")


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _validator(target: Path) -> Path:
    return target.with_name(f"{target.name}.validator")


def _amount(done: int, total: int) -> str:
    mebibytes = done / 2**20
    return f"{mebibytes:.0f} MiB, {100 * done // total} %" if total else f"{mebibytes:.0f} MiB"

"""One file over the network, because somebody asked for it: resumable, bounded, and never from https to less."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analyzers.errors import OperationError

Say = Callable[[str], None]
PATIENCE = 30.0
"""Seconds without a byte."""
_CHUNK = 1 << 20
_REPORT_EVERY = 200_000_000


def fetch(address: str, part: Path, *, most: int, say: Say) -> None:
    """Fetch a file into `part`, from where an earlier try left off.

    `most` is the size in bytes beyond which it is not what was asked for. OperationError where the network or the
    server fails; what came so far stays for the next try.
    """
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "sereno"})  # noqa: S310 (checked by the catalogue)
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        with urllib.request.build_opener(_SafeRedirects()).open(request, timeout=PATIENCE) as answer:
            say(f"downloading from {urlsplit(answer.url).hostname}")
            if answer.status != 206:
                done = 0
            _write(answer, part, done, most, say)
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:
            part.unlink()
            raise OperationError(f"{address}: what came earlier does not fit the file; try again") from None
        raise OperationError(f"{address}: the server answers {error.code} {error.reason}; try again later") from None
    except (OSError, urllib.error.URLError) as error:
        reason = " ".join(str(getattr(error, "reason", None) or error).split())[:200]
        raise OperationError(f"{address}: the download broke off ({reason}); the same command resumes it") from None


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect, but never from an encrypted address to one that is not."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("redirected to an address that is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _write(answer: Any, part: Path, done: int, most: int, say: Say) -> None:
    stated = answer.headers.get("Content-Length")
    whole = done + int(stated) if stated and stated.isdecimal() else None
    if whole is not None and whole > most:
        raise OperationError(f"{part.name}: the server offers {whole:,} bytes, more than expected; nothing was fetched")
    reported = done
    with part.open("ab" if done else "wb") as file:
        part.chmod(0o600)
        while chunk := answer.read(_CHUNK):
            done += len(chunk)
            if done > most:
                file.close()
                part.unlink()
                raise OperationError(f"{part.name}: more bytes than expected; what came was removed")
            file.write(chunk)
            if done - reported >= _REPORT_EVERY:
                reported = done
                say(f"{done / 1e9:.1f} GB" + (f" of {whole / 1e9:.1f} GB" if whole else ""))
    if whole is not None and done < whole:
        raise OperationError(f"{part.name}: the download broke off; the same command resumes it")

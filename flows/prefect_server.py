"""The Prefect server that `sereno serve` starts: Prefect's own application, under a policy for the browser.

    python -m flows.prefect_server

Prefect's pages call Amplitude, a picture server and a CDN whatever its settings say (docs/platform.md); the policy
that goes with every page forbids the browser to load anything that does not come from this server.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY = (
    # Prefect's pages hold styles and scripts of their own, and start workers from blobs.
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'self'"
)
HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def confined(app: App) -> App:
    """The application with these headers on every answer."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_confined(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        await app(scope, receive, send_confined)

    return answer


def main() -> None:
    """Serve until SIGINT or SIGTERM; address and login come from Prefect's settings."""
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = get_current_settings().server
    uvicorn.run(
        confined(create_app(final=True)),
        host=settings.api.host,
        port=settings.api.port,
        timeout_keep_alive=settings.api.keepalive_timeout,
        log_level=settings.logging_level.lower(),
    )


def _end_with_parent() -> None:
    """End in order when whoever started this process is gone, however it went: its end of the pipe closes then."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()

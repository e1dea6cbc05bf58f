"""How a Prefect task of ours fails: in one line, with an exit status, and again only where a second try may help."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from polars.exceptions import PanicException
from prefect.client.schemas.objects import State
from prefect.states import Failed

from analyzers.errors import UserError
from flows.failures import failure

P = ParamSpec("P")
log = logging.getLogger("sereno.night")


def one_line_failure(step: Callable[P, Any]) -> Callable[P, Any]:
    """Let a task end as Failed with one line instead of a stack trace: people read its log in the UI."""

    @wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return step(*args, **kwargs)
        except (Exception, PanicException) as error:
            if os.environ.get("SERENO_DEBUG") == "1":
                log.exception("where it happened")
            message, exit_status = failure(error)
            return Failed(message=message, data={"exit_status": exit_status})

    return guarded


def exit_status_of(state: State[Any]) -> int:
    """The exit status that a failed task's state asks for."""
    data = getattr(state.data, "result", state.data)
    return int(data.get("exit_status", 1)) if isinstance(data, dict) else 1


def worth_retrying(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Whether a second try may help: not where the user has to mend something first."""
    return exit_status_of(state) != UserError.exit_status

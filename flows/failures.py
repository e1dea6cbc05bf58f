"""What a failure is called in a line of the report, the log and the command's output."""

from __future__ import annotations

from analyzers.errors import SerenoError


def failure(error: BaseException) -> tuple[str, int]:
    """One line about an error, and the exit status that it asks for."""
    if isinstance(error, SerenoError):
        return str(error), error.exit_status
    if "No space left on device" in str(error) or "Disk quota exceeded" in str(error):
        # Whoever writes says it in a way of its own: Python, Polars, DuckDB.
        return "the disk is full; make room and start again: what was written whole is still there", 1
    if "Read-only file system" in str(error):
        return "the disk is read-only; mount it for writing and start again: what was written whole is still there", 1
    if type(error).__module__.partition(".")[0] in {"prefect", "httpx", "httpcore"}:
        # Named by its package, since this module is imported where Prefect is not.
        why = " ".join(str(error).split())[:160] or type(error).__name__
        return f"the Prefect server failed or went away ({why}); start again: what was written whole is still there", 1
    return f"internal error: {type(error).__name__}: {' '.join(str(error).split())[:300]}", 1

"""The one command, `sereno`. Each module of this package is one command; what it needs is imported when it runs.

`sereno --help` and `sereno scan` import no Prefect.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from typer._click.exceptions import ClickException

from analyzers.errors import SerenoError
from flows.cli import (
    audit,
    backfill,
    backtest,
    backup,
    check,
    demo,
    doctor,
    erase,
    evidence,
    findings,
    init,
    models,
    report,
    run,
    scan,
    serve,
    snooze,
    triage,
    triage_all,
)
from flows.cli.options import say
from flows.egress import guard
from flows.failures import failure

app = typer.Typer(
    name="sereno",
    help="Watches records every night and tells which ones deserve your time. Nothing leaves the premises.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("scan")(scan.scan)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("run")(run.run)
app.command("backtest")(backtest.backtest)
app.command("backfill")(backfill.backfill)
app.command("serve")(serve.serve)
app.command("findings")(findings.findings)
app.command("triage")(triage.triage)
app.command("triage-all")(triage_all.triage_all)
app.command("snooze")(snooze.snooze)
app.command("evidence")(evidence.evidence)
app.command("erase")(erase.erase)
app.command("report")(report.report)
app.command("audit")(audit.audit)
app.add_typer(models.models, name="models")
app.command("doctor")(doctor.doctor)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits 0, 2 for a user's mistake, 1 for a failure of ours or the world's."""
    os.umask(0o077)
    guard.install()
    sys.exit(status(arguments))


def status(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        result = app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except SerenoError as error:
        return _say(str(error), error.exit_status)
    except ClickException as error:
        return _say(f"{error.format_message()}; `sereno --help` lists the commands and options", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped", 130)
    except BrokenPipeError:
        return 0
    except BaseException as error:
        # Polars panics with what is no Exception; it is known by its name, since it is imported where it is needed.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if os.environ.get("SERENO_DEBUG") == "1":
            raise
        message, exit_status = failure(error)
        hint = " (SERENO_DEBUG=1 shows where)" if message.startswith("internal error") else ""
        return _say(message + hint, exit_status)
    return result if isinstance(result, int) else 0


def _say(message: str, exit_status: int) -> int:
    say(f"sereno: {message}")
    return exit_status

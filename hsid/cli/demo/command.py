"""What `hsid demo` does: a folder, a daemon, the story, and a clean end."""

import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import trio

from hsid.cli import terminal
from hsid.cli.client import ControlError
from hsid.cli.demo import report
from hsid.cli.demo.play import Outcome, Watch, perform
from hsid.cli.demo.progress import shown
from hsid.cli.demo.stage import QUIET_SECONDS, Stage, running_daemon, set_up
from hsid.cli.demo.story import Scene
from hsid.config import Settings
from hsid.observe.logging import setup_logging
from hsid.store.errors import StoreError
from supervision import EscalationError, leaves


def run(scenes: Sequence[Scene], *, once: bool, as_json: bool, keep: Path | None) -> int:
    """Play *scenes* and show what came of them; return the exit code.

    Without *once* the daemon goes on until SIGINT or SIGTERM, which is then the regular end.
    Everything is written into *keep*, or into a temporary folder that goes away.
    """
    exit_code, failures = 1, []
    try:
        with _folder(keep) as folder:
            stage, settings = set_up(folder)
            _log_into_the_folder(settings)
            play = partial(_run, scenes, stage, settings, once=once, as_json=as_json)
            exit_code = trio.run(play)
    except* (OSError, StoreError, EscalationError, ControlError) as group:
        failures = [f"hsid: the demo failed: {error}" for error in leaves(group)]
    if failures:
        terminal.fail("\n".join(failures), exit_code)
    return exit_code


async def _run(
    scenes: Sequence[Scene], stage: Stage, settings: Settings, *, once: bool, as_json: bool
) -> int:
    has_succeeded = False
    # Opened around the daemon, whose end is thus never cut short by a second signal.
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with running_daemon(settings), trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at_first, signals, nursery.cancel_scope)
            watch = Watch(stage, say=_nothing if as_json else click.echo)
            with shown(len(scenes)) as progress:
                outcome = await perform(scenes, stage, watch, progress)
            has_succeeded = outcome.has_succeeded
            _show(outcome, as_json=as_json)
            if not once:
                _invite(stage)
                await watch.go_on()
            nursery.cancel_scope.cancel()
    return 0 if not once or has_succeeded else 1


async def _cancel_at_first(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()
        return


def _log_into_the_folder(settings: Settings) -> None:
    """Have the whole log go to the data folder, and only what is amiss to stderr as well."""
    setup_logging(settings)
    for handler in logging.getLogger().handlers:
        if handler.name in ("stderr", "journal"):
            handler.setLevel(logging.WARNING)


def _show(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.summary, indent=2))
    else:
        click.echo(f"\n{report.render(outcome.summary)}")


def _invite(stage: Stage) -> None:
    beside = Path(sys.executable).with_name("hsictl")
    hsictl = beside if beside.exists() else "hsictl"
    click.echo(f"\nThe daemon goes on: upload pictures to {stage.cameras}, and ask it with")
    click.echo(f"  {hsictl} --socket {stage.control_socket} status")
    click.echo(f"An event is told when its camera has seen nothing for {QUIET_SECONDS} s.")
    click.echo("Ctrl-C ends it.\n")


def _nothing(_line: str) -> None:
    """Say nothing: stdout belongs to the document."""


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory(prefix="hsid-demo-", ignore_cleanup_errors=True) as temporary:
            yield Path(temporary)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty: the demo wants a folder of its own")
    yield keep

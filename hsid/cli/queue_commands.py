"""`hsictl queue ...` and `hsictl dlq ...`: durable queues, and what was given up.

Imports nothing heavy.
"""

from collections.abc import Callable, Sequence
from typing import Any

import click

from hsid.cli import terminal, text
from hsid.cli.client import Document, in_path
from hsid.cli.target import Target

_LIMIT = click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most."
)
_QUEUE = click.argument("queue")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say which would be meant.")
_CHOICE = (
    click.argument("ids", metavar="[ID]...", nargs=-1),
    click.option("--reason", metavar="TEXT", help="Those whose last error has this in it."),
    click.option("--all", "all_", is_flag=True, help="All of them, 1000 at a time."),
    click.option("--limit", type=click.IntRange(1, 1000), help="The oldest so many."),
    _DRY_RUN,
)


@click.group("queue")
def queue_group() -> None:
    """See what waits in the durable queues."""


@queue_group.command("list")
@terminal.as_json_option
@click.pass_obj
def list_queues(target: Target, *, as_json: bool) -> None:
    """Count what each queue holds."""
    document = target.get("/v1/queues")
    terminal.show(document, as_json=as_json, render=lambda each: text.queues(each["queues"]))


@queue_group.command("show")
@_QUEUE
@terminal.as_json_option
@click.pass_obj
def show_queue(target: Target, queue: str, *, as_json: bool) -> None:
    """Count what one queue holds."""
    document = target.get(f"/v1/queues/{in_path(queue)}")
    terminal.show(document, as_json=as_json, render=lambda each: text.queues([each]))


@queue_group.command()
@_QUEUE
@_LIMIT
@terminal.as_json_option
@click.pass_obj
def peek(target: Target, queue: str, limit: int, *, as_json: bool) -> None:
    """Show the entries that would be handed out next; nothing is taken."""
    document = target.get(f"/v1/queues/{in_path(queue)}/entries", {"limit": limit})
    terminal.show(document, as_json=as_json, render=text_of_entries)


@click.group("dlq")
def dlq_group() -> None:
    """See the dead letters, put them again, or delete them."""


@dlq_group.command("list")
@click.argument("queue", required=False)
@_LIMIT
@terminal.as_json_option
@click.pass_obj
def list_letters(target: Target, queue: str | None, limit: int, *, as_json: bool) -> None:
    """List the latest dead letters, of QUEUE or of all queues."""
    asked: dict[str, str | int] = {"limit": limit} | ({} if queue is None else {"queue": queue})
    terminal.show(target.get("/v1/dead-letters", asked), as_json=as_json, render=text_of_letters)


@dlq_group.command("show")
@_QUEUE
@click.argument("letter_id", metavar="ID")
@terminal.as_json_option
@click.pass_obj
def show_letter(target: Target, queue: str, letter_id: str, *, as_json: bool) -> None:
    """Show one dead letter: what it was about, and why it was given up."""
    document = target.get(f"/v1/dead-letters/{in_path(queue)}/{in_path(letter_id, safe='/')}")
    terminal.show(document, as_json=as_json, render=text_of_letter)


@dlq_group.command()
@_QUEUE
@terminal.with_options(*_CHOICE)
@terminal.as_json_option
@click.pass_obj
def requeue(target: Target, /, queue: str, *, as_json: bool, **asked: Any) -> None:
    """Put dead letters again, the oldest first: by ID, by --reason, or --all.

    The uploads that they are about are due again.
    """
    document = _change(target, queue, "requeue", asked)
    terminal.show(document, as_json=as_json, render=_text_of("requeued"))
    _fail_on_missing(queue, asked["ids"], document)


@dlq_group.command()
@_QUEUE
@terminal.with_options(*_CHOICE)
@terminal.yes_option
@terminal.as_json_option
@click.pass_obj
def clear(target: Target, /, queue: str, *, as_json: bool, yes: bool, **asked: Any) -> None:
    """Delete dead letters: by ID, by --reason, or --all. Their uploads stay dead."""
    if not asked["dry_run"]:
        would = _change(target, queue, "clear", asked | {"dry_run": True})
        count = len(would["ids"])
        terminal.confirm(f"Delete {count} dead letters of {queue}?", yes=yes or not count)
    document = _change(target, queue, "clear", asked)
    terminal.show(document, as_json=as_json, render=_text_of("deleted"))
    _fail_on_missing(queue, asked["ids"], document)


def _change(target: Target, queue: str, verb: str, asked: dict[str, Any]) -> Document:
    if not (asked["ids"] or asked["reason"] or asked["all_"]):
        raise click.UsageError("name dead letters by their ids, or by --reason, or say --all")
    choice = {
        "ids": list(asked["ids"]) or None,
        "reason": asked["reason"],
        "all": asked["all_"],
        "limit": asked["limit"],
        "dry_run": asked["dry_run"],
    }
    body = {name: value for name, value in choice.items() if value is not None}
    return target.change(f"/v1/dead-letters/{in_path(queue)}/{verb}", body)


def _fail_on_missing(queue: str, ids: Sequence[str], document: Document) -> None:
    """End the program in words if some of *ids* were not among those that were changed."""
    missing = sorted(set(ids) - set(document["ids"]))
    if missing:
        names = ", ".join(missing)
        why = "not there, no room, or beyond --limit"
        terminal.fail(f"hsictl: left out ({why}): {names}; see `hsictl dlq list {queue}`", 5)


def text_of_entries(document: Document) -> str:
    """Return the text of an `EntryList`."""
    if not document["entries"]:
        return "nothing is ready"
    rows = ((each["id"], each["priority"], _payload(each)) for each in document["entries"])
    return text.table(("ENTRY", "PRIORITY", "ABOUT"), rows)


def text_of_letters(document: Document) -> str:
    """Return the text of a `LetterList`."""
    if not document["letters"]:
        return "no dead letters"
    headers = ("QUEUE", "ID", "DIED", "TRIES", "ERROR")
    shown = text.table(headers, map(_letter_row, document["letters"]))
    left = document["total"] - len(document["letters"])
    return f"{shown}\nand {left} more" if left > 0 else shown


def text_of_letter(document: Document) -> str:
    """Return the text of a `LetterReport`."""
    lines = [
        f"queue: {text.printable(document['queue'])}",
        f"id: {text.printable(document['id'])}",
        f"about: {text.printable(_payload(document))}",
        f"put: {text.local_time(document['enqueued_at'])}",
        f"died: {text.local_time(document['died_at'])}, after {document['begun']} tries",
        f"error: {text.printable(document['error'])}",
    ]
    if document["first_error"] not in (None, document["error"]):
        lines.append(f"first error: {text.printable(document['first_error'])}")
    if document["origin"] is not None:
        lines.append(f"dead before: {text.local_time(document['origin']['died_at'])}")
    return "\n".join([*lines, *map(text.printable, document["traceback"].splitlines())])


def _text_of(participle: str) -> Callable[[Document], str]:
    """Return what makes the text of a `LetterChange`."""

    def render(document: Document) -> str:
        done = f"would be {participle}" if document["dry_run"] else participle
        lines = [f"{done}: {text.printable(id_)}" for id_ in document["ids"]]
        count = f"{len(lines)} {done}, {document['left']} dead letters left"
        return "\n".join([*lines, count])

    return render


def _letter_row(letter: Document) -> tuple[object, ...]:
    return (
        letter["queue"],
        letter["id"],
        text.local_time(letter["died_at"]),
        letter["begun"],
        letter["error"],
    )


def _payload(document: Document) -> str:
    return ", ".join(f"{name} {value}" for name, value in document["payload"].items())

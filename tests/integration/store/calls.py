"""Calls for a store, and how one is started."""

import threading
from functools import partial

import trio
from sqlalchemy import insert, select

from hsid.store.schema import cameras


def add(number, conn):
    conn.execute(insert(cameras).values(id=f"{number:03}", name="x"))
    return number


def list_ids(conn):
    return list(conn.scalars(select(cameras.c.id).order_by(cameras.c.id)))


class Gate:
    """A call that holds the writing thread until it is opened."""

    def __init__(self):
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _conn):
        self.entered.set()
        assert self.opened.wait(30)

    async def wait_entered(self):
        await trio.to_thread.run_sync(self.entered.wait, 30)


async def start(nursery, store):
    ready = trio.Event()
    nursery.start_soon(partial(store.serve, ready=ready.set))
    await ready.wait()

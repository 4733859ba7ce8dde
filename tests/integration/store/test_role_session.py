"""A role as a lock on a real server: one session has it, until it ends in whatever way."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from select import select
from urllib.parse import urlsplit

import pytest

from hsid.roles import Role
from hsid.store.errors import ConnectionLostError, StoreUnavailableError
from hsid.store.role_session import EXCLUSIVE, RoleSession
from tests.integration.redis.link import open_link


@pytest.fixture
def url(new_postgres_url):
    return new_postgres_url()


@contextmanager
def session_for(url, role=Role.BATCHER):
    session = RoleSession(url, role)
    try:
        yield session
    finally:
        session.close()


def test_one_session_has_the_role_and_the_next_when_that_one_ends(url):
    """However often both ask."""
    with session_for(url) as second:
        with session_for(url) as first:
            assert [first.ask(), second.ask(), first.ask(), second.ask()] == [True, False] * 2
        assert second.ask()


def test_each_role_is_held_by_itself(url):
    """A node may have one and stand by for the others."""
    with (
        session_for(url, Role.BATCHER) as batcher,
        session_for(url, Role.RETENTION) as retention,
        session_for(url, Role.RECONCILER) as reconciler,
    ):
        assert [batcher.ask(), retention.ask(), reconciler.ask()] == [True] * 3
    assert {Role.BATCHER, Role.RETENTION, Role.RECONCILER} == EXCLUSIVE


def test_houses_on_one_server_have_a_batcher_each(url, new_postgres_url):
    """The lock is the database's, not the server's."""
    with session_for(url) as ours, session_for(new_postgres_url()) as theirs:
        assert [ours.ask(), theirs.ask()] == [True, True]


def test_a_session_that_the_server_ended_is_seen_at_once_and_its_role_is_free(url, postgres):
    """The socket says so without a question; the next answer is an error."""
    with session_for(url) as first, session_for(url) as second:
        first.ask()
        assert select([first.wire], [], [], 0)[0] == []
        postgres.end_sessions(urlsplit(url).path[1:])
        assert select([first.wire], [], [], 10)[0] == [first.wire]
        with pytest.raises(ConnectionLostError):
            first.ask()
        assert second.ask()


def test_a_node_from_which_nothing_comes_is_left_by_the_server(url):
    """So the server was told; it is the only one to see that a node is frozen."""
    with session_for(url) as session:
        session.ask()
        asked = "SELECT current_setting('idle_session_timeout')"
        assert session._connection.exec_driver_sql(asked).scalar() == "10s"


def test_a_question_to_a_silent_server_ends_when_the_session_is_cut(url):
    """The thread that waits for the answer is not left behind."""
    with open_link(urlsplit(url).port) as link, ThreadPoolExecutor(1) as thread:
        port = urlsplit(link.url).port
        with session_for(f"postgresql://hsid@127.0.0.1:{port}{urlsplit(url).path}") as session:
            session.ask()
            link.is_dead = True
            answer = thread.submit(session.ask)
            with pytest.raises(TimeoutError):
                answer.result(timeout=0.2)
            session.cut()
            with pytest.raises(ConnectionLostError):
                answer.result(timeout=10)


def test_a_session_that_was_cut_before_it_connected_takes_no_role(url):
    """Nobody would know that it has it."""
    with session_for(url) as late, session_for(url) as other:
        late.cut()
        with pytest.raises(StoreUnavailableError):
            late.ask()
        assert other.ask()


def test_a_session_can_be_seen_on_the_server_by_its_role(url, postgres):
    """Who administers the database sees what each connection is for."""
    with session_for(url, Role.RETENTION) as session:
        session.ask()
        asked = "SELECT application_name FROM pg_stat_activity WHERE datname = %s"
        assert postgres.execute(asked, [urlsplit(url).path[1:]]) == [("hsid retention",)]

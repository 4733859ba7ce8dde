"""Sockets handed over by the service manager: by name, in any order, or refused in words."""

import fcntl
import os
import socket
from contextlib import ExitStack, contextmanager
from itertools import permutations

import pytest

from hsid.activation import ActivationError, take_passed_sockets


@contextmanager
def handed_over(*sockets):
    """Put *sockets* on descriptors in a row, as a service manager does; give the first number."""
    with ExitStack() as stack:
        first = 500
        for number, each in enumerate(sockets, first):
            os.dup2(each.fileno(), number, inheritable=True)
            stack.callback(close_if_open, number)
        yield first


def close_if_open(number):
    try:
        os.close(number)
    except OSError as error:
        assert error.errno == 9  # noqa: PT017 - whoever took it over may have closed it


def environment(count, names, pid=7):
    """Return what the service manager says of them."""
    return {"LISTEN_PID": str(pid), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names}


@pytest.fixture
def sockets(tmp_path):
    """One listener for each name."""
    with ExitStack() as stack:
        control = stack.enter_context(socket.socket(socket.AF_UNIX))
        control.bind(str(tmp_path / "control.sock"))
        found = {"control": control}
        for name in ("metrics", "http"):
            found[name] = stack.enter_context(socket.socket())
            found[name].bind(("127.0.0.1", 0))
        for each in found.values():
            each.listen()
        yield found


def taken(sockets, names, **given):
    """Take over *sockets*, called *names*."""
    with handed_over(*sockets) as first:
        said = environment(len(sockets), names, **given)
        return take_passed_sockets(said, pid=7, first=first)


def close(passed):
    for each in passed._sockets.values():
        each.close()


@pytest.mark.parametrize("order", list(permutations(("control", "metrics", "http"))))
def test_each_is_found_by_its_name_in_whatever_order_they_come(sockets, order):
    """The order is that of the units, which is anybody's guess."""
    with handed_over(*(sockets[name] for name in order)) as first:
        passed = take_passed_sockets(environment(3, ":".join(order)), pid=7, first=first)
        for name in order:
            with passed.listener(name) as listener:
                assert listener.getsockname() == sockets[name].getsockname()
        close(passed)


def test_a_restarted_actor_gets_the_same_socket_again(sockets):
    """What one incarnation closes is its own descriptor."""
    with handed_over(sockets["control"]) as first:
        passed = take_passed_sockets(environment(1, "control"), pid=7, first=first)
        passed.listener("control").close()
        with passed.listener("control") as again, socket.socket(socket.AF_UNIX) as client:
            client.connect(sockets["control"].getsockname())
            again.accept()[0].close()
        close(passed)


def test_they_are_not_inherited_and_do_not_block(sockets):
    """Worker processes must not hold the daemon's doors open."""
    with handed_over(sockets["control"]) as first:
        passed = take_passed_sockets(environment(1, "control"), pid=7, first=first)

        assert fcntl.fcntl(first, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        assert not passed._sockets["control"].getblocking()
        close(passed)


def test_those_meant_for_another_process_are_left_alone(sockets):
    """A parent may have left the variables behind; they are taken out all the same."""
    said = environment(1, "control", pid=8)
    with handed_over(sockets["control"]) as first:
        passed = take_passed_sockets(said, pid=7, first=first)

        assert passed.names == frozenset()
        assert os.get_inheritable(first)
    assert said == {}


@pytest.mark.parametrize("said", [{}, {"LISTEN_PID": "7"}, environment("many", "control")])
def test_without_any_there_are_none(said):
    """The daemon makes its own, then."""
    assert take_passed_sockets(said, pid=7).listener("control") is None


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("control:control", "two sockets are called control"),
        ("control", "2 sockets were handed over with 1 names"),
        ("", "FileDescriptorName="),
        ("control:api", "is called api, expected one of control, metrics, http"),
        ("metrics:control", "metrics: not a listening stream socket of AF_INET"),
    ],
)
def test_what_the_units_got_wrong_is_said(sockets, names, words):
    """Nothing is served on a socket that was meant for something else."""
    pair = (sockets["control"], sockets["metrics"])
    with pytest.raises(ActivationError, match=words):
        taken(pair, names)


def test_a_socket_that_does_not_listen_is_refused(tmp_path):
    """As one of Accept=yes would be: a connection in place of a listener."""
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ActivationError, match="not a listening"):
        taken([ours], "control")


def test_a_descriptor_that_is_no_socket_is_refused(tmp_path):
    """A file handed over by mistake is no door."""
    with (tmp_path / "file").open("w") as file, pytest.raises(ActivationError, match="descriptor"):
        taken([file], "control")

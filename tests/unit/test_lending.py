"""Whose a connection is while it is answered, and who has to be told when it was."""

from __future__ import annotations

import socket

from flamenco.server.clients import Client, Places
from flamenco.server.lending import Loan


def watched() -> Loan:
    """A connection that the poller has."""
    loan = Loan()
    loan.is_watched = True
    return loan


def test_nobody_is_told_where_nothing_came() -> None:
    """The main thread watched all the time, and goes on; it waits from the moment on at which the other is done."""
    loan, waits = watched(), []
    loan.lend()
    assert loan.give_back(lambda: waits.append(True))
    assert waits == [True]
    assert not loan.interrupt(lambda: waits.append(False))
    assert loan.is_watched
    assert waits == [True]


def test_what_comes_meanwhile_stops_the_watching() -> None:
    """Or it would be told of it again and again; then it has to be told of the end."""
    loan, done = watched(), []
    loan.lend()
    assert loan.interrupt(lambda: done.append("stopped"))
    assert not loan.is_watched
    assert not loan.give_back(lambda: done.append("waits"))
    assert done == ["stopped"]
    loan.end()
    loan.is_watched = True
    assert not loan.interrupt(lambda: done.append("again"))
    assert done == ["stopped"]


def test_a_client_that_is_lent_keeps_its_number() -> None:
    """A thread that closes it ends the conversation; the descriptor goes once the main thread has it back."""
    here, there = socket.socketpair()
    with there:
        client = Client(here, Places(1))
        client.is_lent = True
        number = client.fileno()
        client.close()
        assert client.fileno() == number
        assert there.recv(1) == b""
        client.is_lent = False
        client.close()
        assert client.fileno() == -1

"""Which failed connections a person must mend, told from the words of the client library alone."""

import pytest

from hsid.store.postgres_refusals import LOGIN, PASSWORD, TLS, remedy_for

AT = 'connection failed: connection to server at "pg.house.example", port 5432 failed: '
SOCKET = 'connection failed: connection to server on socket "/run/pg/.s.PGSQL.5432" failed: '


def remedy(words, *, user="house", database="events", needs_password=False):
    return remedy_for(words, user=user, database=database, needs_password=needs_password)


@pytest.mark.parametrize(
    "words",
    [
        f'{AT}FATAL:  password authentication failed for user "house"',
        f"{AT}FATAL:  Passwort-Authentifizierung für Benutzer »house« fehlgeschlagen",
        f"{AT}FATAL:  la autentificación password falló para el usuario «house»",
        f"{AT}FATAL:  la base de données « events » n'existe pas",
        f'{AT}FATAL:  ユーザー"house"のパスワード認証に失敗しました',
        f"{AT}SCHWERWIEGEND:  Datenbank »events« existiert nicht",
        f'{AT}FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "house", database "events"',
        f'{SOCKET}FATAL:  Peer authentication failed for user "house"',
        f"{AT}FATAL:  password authentication failed",  # a connection pooler's, without a name
    ],
)
def test_a_refused_login_is_known_in_every_language(words):
    """The server speaks that of its owner; what it always does is quote whom it refuses."""
    assert remedy(words) == LOGIN


@pytest.mark.parametrize(
    "words",
    [
        f"{AT}Connection refused\n\tIs the server running on that host and accepting TCP/IP?",
        f"{AT}FATAL:  the database system is starting up",
        f"{AT}FATAL:  das Datenbanksystem startet",  # codespell:ignore
        f"{AT}FATAL:  the database system is shutting down",
        f"{AT}FATAL:  sorry, too many clients already",
        f'{AT}FATAL:  too many connections for role "house"',
        f"{AT}server closed the connection unexpectedly",
        f"{AT}SSL SYSCALL error: EOF detected",
        f"{AT}SSL error: unexpected eof while reading",
        "connection timeout expired",
        "failed to resolve host 'house': [Errno -2] Name or service not known",
        'connection failed: connection to server at "house", port 5432 failed: No route to host',
        "the connection is closed",
    ],
)
@pytest.mark.parametrize("user", ["house", "database", "system", ""])
def test_an_outage_is_none_of_them(words, user):
    """Starting, stopping, crowded, unreachable: time mends it. Nor do common words for names."""
    assert remedy(words, user=user) is None


@pytest.mark.parametrize(
    "words",
    [
        f"{AT}server does not support SSL, but SSL was required",
        f"{AT}SSL error: certificate verify failed",
        f'{AT}server certificate for "localhost" does not match host name "pg.house.example"',
        f'{AT}root certificate file "/home/hsid/.postgresql/root.crt" does not exist',
        'connection is bad: invalid sslmode value: "nonsense"',
    ],
)
def test_a_tls_connection_that_can_not_come_about_is_one(words):
    """The library says it itself, in English."""
    assert remedy(words) == TLS


def test_a_missing_password_is_one():
    """The library knows it without any words."""
    assert remedy(f"{AT}fe_sendauth: no password supplied", needs_password=True) == PASSWORD


def test_one_address_that_refuses_is_enough():
    """A name with two addresses is one server: that it listens on one of them only is no outage."""
    refused = 'port 5432 failed: FATAL:  password authentication failed for user "house"'
    words = f'{AT}Connection refused\nconnection to server at "localhost", {refused}'
    assert remedy(words) == LOGIN

"""Whether a server that took no session of ours is away, or refuses us until somebody helps.

Pure. What the client library reports of a failed connection is only words: it keeps the server's
code to itself, and the server speaks the language of its owner. What is always there are names: a
refusal of the login or of the database quotes the user or the database, and a server that starts,
stops or is crowded quotes neither. What the library itself says about TLS and passwords is English.
"""

import re

LOGIN = (
    "correct the user, the password or the database in database_url, or the server's pg_hba.conf"
)
PASSWORD = "put the password into database_url, or into a password file (~/.pgpass)"  # noqa: S105 - advice
TLS = "correct sslmode and the certificates in database_url, or the server's own"
RIGHTS = "have the owner of the database grant it to the user in database_url"

_CROWDED = "too many connections"
_LOGIN_WORDS = ("password authentication failed", "unrecognized configuration parameter")
_TLS_WORDS = ("does not support SSL", "SSL error", "certificate", "private key", "sslmode")
_BROKEN_OFF = "eof"
_SERVERS_WORDS = re.compile(r'(?:port \d+|\.s\.PGSQL\.\d+") failed: (.*)')


def remedy_for(words: str, *, user: str, database: str, needs_password: bool) -> str | None:
    """Return what somebody must do before a connection can be made; None for one to wait for.

    *words* are those of the client library, which may tell of several attempts: a refusal by one
    address of a server counts, whatever the others did.
    """
    if needs_password:
        return PASSWORD
    for line in words.splitlines():
        if any(each in line for each in _TLS_WORDS) and _BROKEN_OFF not in line.lower():
            return TLS
        said = _SERVERS_WORDS.search(line)
        if said is not None and _is_refusal(said[1], user, database):
            return LOGIN
    return None


def _is_refusal(said: str, user: str, database: str) -> bool:
    if any(words in said for words in _LOGIN_WORDS):
        return True
    return _CROWDED not in said and any(_quotes(said, name) for name in (user, database))


def _quotes(said: str, name: str) -> bool:
    """Tell whether *name* stands in quotation marks of whichever language."""
    marked = rf"[^\w\s]\s?{re.escape(name)}\s?[^\w\s]"
    return bool(name) and re.search(marked, said) is not None

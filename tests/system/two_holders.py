"""The daemon as it is, but that no node is kept from a role that another one has.

`python -m tests.system.two_holders run --config FILE`: a shared lock instead of an exclusive one.
"""

from sqlalchemy import text

from hsid.cli.hsid import main
from hsid.store import role_session

if __name__ == "__main__":
    role_session._TAKE = text("SELECT pg_try_advisory_lock_shared(:space, :number)")
    main()

"""The user whom docs/queues.md tells an operator to make: it may all that hsid does, no more."""

import re
from pathlib import Path

import pytest
import structlog

from hsid.queues.redis.errors import RedisPermissionError
from tests.integration.redis.everything import do_everything
from tests.integration.redis.rig import error_of, open_pool

DOCS = Path(__file__).parents[3] / "docs" / "queues.md"


@pytest.fixture
def rules():
    """Return the rules in the docs, without user and password."""
    (block,) = re.findall(r"^user hsid on >PASSWORD (.*)$", DOCS.read_text(), re.MULTILINE)
    return block.split()


@pytest.fixture
def url(server, rules):
    """Let the documented user in, and nobody else but the tests."""
    server.command("ACL", "SETUSER", "hsid", "reset", "on", ">secret", *rules)
    server.command("CONFIG", "RESETSTAT")
    return server.url.replace("redis://", "redis://hsid:secret@")


async def test_the_documented_user_may_do_all_that_hsid_does(server, url):
    """Nothing is refused, not even what hsid could do without."""
    await do_everything(url)

    assert server.command("ACL", "LOG") == []


async def test_the_documented_user_may_do_nothing_that_hsid_does_not(server, url, rules):
    """Every command that the rules allow was called; none is there for the sake of safety."""
    await do_everything(url)

    statistics = server.command("INFO", "commandstats")
    called = {name.removeprefix("cmdstat_").split("|")[0] for name in statistics}
    allowed = {rule[1:].split("|")[0] for rule in rules if rule.startswith("+")}
    assert allowed - called == set()


async def test_the_documented_user_gets_at_no_other_keys(url):
    """Another program on the same server keeps its own for itself."""
    with open_pool(url) as pool:
        assert await pool.run(lambda client: client.set("hsid:cache:a", 1))
        error = await error_of(pool.run, lambda client: client.set("other", 1))

    assert type(error) is RedisPermissionError


async def test_without_info_there_is_a_warning_and_all_else_works(server, url):
    """The set-up of the server can't be checked then, which is said."""
    server.command("ACL", "SETUSER", "hsid", "-info")
    with structlog.testing.capture_logs() as logs:
        await do_everything(url)

    warnings = [log["warning"] for log in logs if log["event"] == "redis_setup"]
    assert len(warnings) == 1
    assert "may not ask for INFO" in warnings[0]


async def test_a_database_number_needs_select(server, url):
    """The refusal names the command; with it all goes well."""
    with open_pool(f"{url.removesuffix('/0')}/1") as pool:
        error = await error_of(pool.server_version)
        server.command("ACL", "SETUSER", "hsid", "+select")
        await pool.server_version()

    assert type(error) is RedisPermissionError
    assert "select" in str(error)

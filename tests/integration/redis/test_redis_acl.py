"""The user whom docs/queues.md tells an operator to make: it may all that hsid does, no more."""

import re
from pathlib import Path

import pytest

from hsid.queues.redis_errors import RedisPermissionError
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

"""What only a person can mend: a clear stop with advice, at the start and later."""

import pytest
import structlog
import trio
from pydantic import SecretStr

from hsid.queues.protocol import QueueRefusedError
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.errors import (
    RedisAuthenticationError,
    RedisPermissionError,
    RedisRefusedError,
    RedisUnsafeError,
    RedisWrongTypeError,
)
from hsid.redis import RedisClient
from tests.integration.redis.rig import (
    PATIENCE,
    build_queue,
    error_of,
    open_pool,
    open_queue,
    put,
    ready_in,
    until,
    working,
)

PASSWORD = "open sesame"  # noqa: S105 - of a server that lives as long as a test


def with_login(server, userinfo):
    return server.url.replace("redis://", f"redis://{userinfo}@")


@pytest.fixture
def locked(server):
    """A server with a password for everybody."""
    server.restart(requirepass=PASSWORD)
    return server


@pytest.mark.parametrize("userinfo", ["", ":guess", "nobody:guess"])
async def test_a_missing_or_wrong_login_stops_the_start_at_once(locked, userinfo, autojump_clock):
    """One attempt, no waiting: trying again can't help; the password is in no message."""
    url = with_login(locked, userinfo) if userinfo else locked.url
    with open_pool(url) as pool:
        error = await error_of(pool.connect)

    assert type(error) is RedisAuthenticationError
    assert isinstance(error, QueueRefusedError)
    assert "correct redis_username and redis_password" in str(error)
    assert "guess" not in str(error)
    assert trio.current_time() < 1


async def test_with_the_right_password_the_start_goes_well(locked):
    """Given in the address or beside it."""
    for address in (
        RedisAddress(with_login(locked, ":open%20sesame")),
        RedisAddress(locked.url, password=SecretStr(PASSWORD)),
        RedisAddress(locked.url, username="default", password=SecretStr(PASSWORD)),
    ):
        client = RedisClient(address)
        await client.connect()
        assert client.state.is_connected
        await client.disconnect()


async def test_a_password_that_is_changed_while_hsid_runs_is_a_refusal_from_the_next_connection_on(
    server,
):
    """Health is red although there is a server; once the login is right again, so are the calls."""
    with open_pool(server.url) as pool:
        queue = build_queue(pool)
        await put(queue, "a")
        server.command("CONFIG", "SET", "requirepass", PASSWORD)
        server.config["requirepass"] = PASSWORD
        server.command("CLIENT", "KILL", "TYPE", "normal")
        errors = [await error_of(put, queue, "b") for _ in range(2)]
        assert type(errors[-1]) is RedisAuthenticationError
        assert not pool.state.is_connected
        assert "refuses the login" in pool.state.last_error

        server.command("CONFIG", "SET", "requirepass", "")
        await put(queue, "b")
        assert await ready_in(queue) == ["a", "b"]


async def test_a_consumer_that_is_refused_says_why_and_goes_on_once_it_is_mended(locked):
    """No actor falls over a password that somebody changed, and no restart is needed after it."""
    with open_queue(locked.url) as queue, structlog.testing.capture_logs() as logs:
        async with working(queue) as work:
            await until(lambda: work.is_degraded)
            locked.command("CONFIG", "SET", "requirepass", "")
            await put(queue, "a")
            await until(lambda: work.has_done("a") and not work.is_degraded)

    told = [line["error"] for line in logs if line["event"] == "queue_unavailable"]
    assert "correct redis_username and redis_password" in told[0]


async def test_a_refused_login_is_told_by_health(locked):
    """That a port answers is not health."""
    client = RedisClient(locked.url)

    health = await client.health_check()

    assert (health["connected"], health["version"]) == (False, None)
    assert "refuses the login" in health["error"]
    await client.disconnect()


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
async def test_a_server_that_would_evict_queues_is_refused_at_the_start(server, policy):
    """With a memory limit and such a policy whole queues vanish without a word."""
    server.set_config(maxmemory="100mb", maxmemory_policy=policy)
    with open_pool(server.url) as pool:
        error = await error_of(pool.connect)

        server.set_config(maxmemory_policy="noeviction")
        await pool.connect()

    assert type(error) is RedisUnsafeError
    assert isinstance(error, RedisRefusedError)
    assert policy in str(error)
    assert "set maxmemory-policy to noeviction" in str(error)


async def test_an_evicting_policy_without_a_limit_is_warned_about(server):
    """It does nothing yet; whoever sets a limit later is told now."""
    server.set_config(maxmemory_policy="allkeys-lru", appendonly="yes")

    (warning,) = await warnings_at_start(server.url)

    assert "as soon as maxmemory is set, Redis deletes queued work" in warning
    assert "set it to noeviction" in warning


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru"])
async def test_a_server_set_up_well_starts_without_a_warning(server, policy):
    """A volatile policy evicts what has an end, and no key of a queue has one."""
    server.set_config(maxmemory="100mb", maxmemory_policy=policy, appendonly="yes")

    assert await warnings_at_start(server.url) == []


async def test_a_server_without_appendonly_is_warned_about(server):
    """After its restart all queues have to be filled anew."""
    (warning,) = await warnings_at_start(server.url)

    assert "appendonly is off" in warning


async def warnings_at_start(url):
    with structlog.testing.capture_logs() as logs, open_pool(url) as pool:
        await pool.connect()
    return [log["warning"] for log in logs if log["event"] == "redis_setup"]


async def test_a_user_who_may_too_little_is_told_where_to_look(server):
    """NOPERM is no outage; the server's words name the command."""
    server.command("ACL", "SETUSER", "guest", "on", ">guest", "~*", "+@all", "-eval", "-evalsha")
    with open_queue(with_login(server, "guest:guest")) as queue:
        error = await error_of(put, queue, "a")

    assert type(error) is RedisPermissionError
    assert "evalsha" in str(error)
    assert "docs/queues.md" in str(error)


async def test_a_key_of_another_kind_is_a_refusal_and_stays_untouched(server):
    """Somebody else uses our names; nothing of his is overwritten."""
    server.command("SET", "test:detection_queue", "mine")
    with open_queue(server.url) as queue, trio.fail_after(PATIENCE):
        error = await error_of(put, queue, "a")

    assert type(error) is RedisWrongTypeError
    assert "redis_key_prefix" in str(error)
    assert server.command("GET", "test:detection_queue") == "mine"

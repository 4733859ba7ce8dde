"""Old servers: what 6.2 answers is enough, and what is older is refused."""

import hashlib

import pytest

from hsid.queues.redis import script
from hsid.queues.redis.errors import RedisUnsupportedError
from hsid.queues.redis.server_facts import RedisServerFacts, require_usable
from tests.integration.redis.everything import do_everything
from tests.integration.redis.link import serving
from tests.integration.redis.rig import error_of, open_pool, open_queue, put, ready_in

# What version 6.2 says, made of what a later one says: XCLAIM has nil for what was deleted, and
# XINFO has fewer fields. XAUTOCLAIM, whose reply got a third part in version 7, must not be needed.
ANSWERS_OF_6_2 = """
local later = redis
local FIELDS = {
  STREAM = {
    length = true, ['radix-tree-keys'] = true, ['radix-tree-nodes'] = true, groups = true,
    ['last-generated-id'] = true, ['first-entry'] = true, ['last-entry'] = true,
  },
  GROUPS = {name = true, consumers = true, pending = true, ['last-delivered-id'] = true},
}
local function without_later_fields(reply, known)
  local fields = {}
  for place = 1, #reply, 2 do
    if known[reply[place]] then
      fields[#fields + 1] = reply[place]
      fields[#fields + 1] = reply[place + 1]
    end
  end
  return fields
end
local redis = {call = function(name, ...)
  local arguments, reply = {...}, later.call(name, ...)
  assert(name ~= 'XAUTOCLAIM', 'its reply has another shape in each version')
  if name == 'XCLAIM' and #reply == 0 and arguments[#arguments] ~= 'JUSTID' then
    return {false}
  elseif name == 'XINFO' and arguments[1] == 'STREAM' then
    return without_later_fields(reply, FIELDS.STREAM)
  elseif name == 'XINFO' then
    for place, group in ipairs(reply) do
      reply[place] = without_later_fields(group, FIELDS.GROUPS)
    end
  end
  return reply
end}
"""


@pytest.fixture
def as_6_2(monkeypatch):
    """Have the queue's script hear what version 6.2 would say."""
    text = ANSWERS_OF_6_2 + script._TEXT
    monkeypatch.setattr(script, "_TEXT", text)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(script, "_HASH", digest)


async def test_the_answers_of_version_6_2_are_enough(server, as_6_2):
    """No operation needs a field, or a shape of a reply, that came later."""
    await do_everything(server.url)


async def test_entries_that_vanished_are_recognised_by_what_6_2_says(server, as_6_2):
    """Nil in a list is neither a crash nor an entry."""
    losses = []
    with open_queue(server.url, on_lost=lambda: losses.append(1)) as queue:
        await put(queue, "a", "b")
        await queue.release(await queue.lease(2, duration=60))
        server.command("XTRIM", "test:detection_queue", "MAXLEN", 0)

        assert not await queue.lease(2, duration=60)
        assert losses == [1]
        await put(queue, "a")
        assert await ready_in(queue) == ["a"]


async def test_nothing_is_asked_of_the_server_that_6_2_does_not_know(server):
    """Above all not XAUTOCLAIM, whose reply has two parts there and three in version 7."""
    await do_everything(server.url)

    called = {name.replace("cmdstat_", "") for name in server.command("INFO", "commandstats")}
    assert "xclaim" in called
    assert not called & {"xautoclaim", "function", "fcall", "expiretime", "zmpop", "lmpop"}


@pytest.mark.parametrize("version", ["6.0.16", "5.0.14"])
def test_an_older_version_is_refused_with_advice(version):
    """It can't be waited out: somebody has to install another one."""
    with pytest.raises(RedisUnsupportedError, match=r"use Redis 6\.2 or newer") as refused:
        require_usable(RedisServerFacts(version), "redis://here")

    assert version in str(refused.value)


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "8.4"])
def test_newer_versions_are_taken(version):
    """From 6.2 on."""
    require_usable(RedisServerFacts(version), "redis://here")


async def test_a_server_that_does_not_know_our_first_command_is_refused():
    """HELLO came with version 6; a server without it is told as too old, not as an outage."""
    with (
        serving(b"-ERR unknown command `HELLO`, with args beginning with:\r\n") as port,
        open_pool(f"redis://127.0.0.1:{port}/0") as pool,
    ):
        error = await error_of(pool.connect)

    assert type(error) is RedisUnsupportedError
    assert "use Redis 6.2 or newer" in str(error)

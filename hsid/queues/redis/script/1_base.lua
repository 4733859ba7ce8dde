-- A durable queue over Redis Streams. Each call is one step: all of it is done, or none.
--
-- The files of this folder are one script, in the order of their numbers.
--
-- KEYS  ten keys a queue, as entries.py lists them; several queues for `complete`
-- ARGV  the operation, the time in seconds since 1970 ('' for the server's own), its arguments
--
-- An entry is in one stream, normal or fast, until it is settled; the stream's order is the order
-- of arrival. The consumer group says where it is: not delivered yet means ready, pending means
-- that the node has it who is the consumer, or that it waits under one of three names that are no
-- nodes. A ref is one letter for the stream and the id in it. A lease is a member of a set sorted
-- by when leases end; the member is made of ref and token, so who finds his there holds the lease.
--
-- Redis does not undo a script that fails half way. So keys are looked at first, as one of another
-- kind is an error; and a full memory or a disk that can't be written to is refused to a script's
-- first write alone.

local GROUP = 'hsid'
local AGAIN, REDELIVERED, DELAYED = '~again', '~redelivered', '~delayed'
local PORTION = 2000 -- arguments a command: Lua has room for 8000; even, as some come in pairs
local KEYS_PER_QUEUE = 10

local call = redis.call
local operations = {}

local arguments_read = 2

local function next_argument()
  arguments_read = arguments_read + 1
  return ARGV[arguments_read]
end

local function next_number()
  return tonumber(next_argument())
end

local function other_arguments()
  local others = {}
  for place = arguments_read + 1, #ARGV do
    others[#others + 1] = ARGV[place]
  end
  return others
end

local now = tonumber(ARGV[2])
if not now then
  local time = call('TIME')
  now = time[1] + time[2] / 1000000
end

local function text(seconds)
  return string.format('%.6f', seconds)
end

local LOOKS = {
  'XLEN', 'XLEN', 'HLEN', 'ZCARD', 'ZCARD', 'HLEN', 'XLEN', 'HLEN', 'XLEN', 'HLEN',
}

local function queue_at(index)
  local base = (index - 1) * KEYS_PER_QUEUE
  for place, look in ipairs(LOOKS) do
    call(look, KEYS[base + place])
  end
  return {
    n = KEYS[base + 1], f = KEYS[base + 2], -- the streams, by the letters in refs
    ids = KEYS[base + 3], -- id to ref, of all that is not settled
    leases = KEYS[base + 4],
    delayed = KEYS[base + 5], -- r or a for how the entry comes back, then its ref
    history = KEYS[base + 6], -- ref, then b: how often begun, e: the first error, o: the origin
    dead = {list = KEYS[base + 7], ids = KEYS[base + 8]},
    overflow = {list = KEYS[base + 9], ids = KEYS[base + 10]},
  }
end

-- Calls a command, made of name, key, and perhaps one word more, with a list of arguments after
-- them, in portions; returns all replies. Entries come by the hundred: what is done here for each
-- argument is done eight times an entry.
local function call_many(list, name, key, word)
  local size, replies = #list, {}
  for first = 1, size, PORTION do
    local last, reply = math.min(first + PORTION - 1, size), nil
    if word then
      reply = call(name, key, word, unpack(list, first, last))
    else
      reply = call(name, key, unpack(list, first, last))
    end
    if type(reply) == 'table' then
      if size <= PORTION then
        return reply
      end
      for place = 1, last - first + 1 do
        replies[first + place - 1] = reply[place]
      end
    end
  end
  return replies
end

local function ref_in(member)
  return string.match(member, '^[^:]+')
end

local function letter_of(ref)
  return string.sub(ref, 1, 1)
end

local function after_letter(ref)
  return string.sub(ref, 2)
end

-- The fields of an entry are in this order: i its id, p its payload, t when it was put. Returns nil
-- for what others have put into the stream, and for nothing.
local function entry_in(letter, raw)
  local fields = raw and raw[2]
  return fields and fields[1] == 'i' and fields[6] and {ref = letter .. raw[1], id = fields[2], payload = fields[4], put_at = fields[6]}
end

-- Returns a field of what comes as a list of names and values.
local function field_in(reply, name)
  for place = 1, #reply, 2 do
    if reply[place] == name then
      return reply[place + 1]
    end
  end
end

local function entry_at(queue, ref)
  local sid = after_letter(ref)
  return entry_in(letter_of(ref), call('XRANGE', queue[letter_of(ref)], sid, sid)[1])
end

-- Makes an entry another consumer's. Version 7 drops one that somebody has deleted from the stream:
-- it is kept as due then, for the next take to tell.
local function move(queue, ref, consumer)
  local sid = after_letter(ref)
  local moved = call('XCLAIM', queue[letter_of(ref)], GROUP, consumer, 0, sid, 'JUSTID')
  if #moved == 0 then
    call('ZADD', queue.delayed, text(now), 'a' .. ref)
  end
  return #moved > 0
end

-- Removes entries; their leases are for the caller to end.
local function remove(queue, refs, ids)
  local sids = {n = {}, f = {}}
  for _, ref in ipairs(refs) do
    local list = sids[letter_of(ref)]
    list[#list + 1] = after_letter(ref)
  end
  for letter, list in pairs(sids) do
    call_many(list, 'XACK', queue[letter], GROUP)
    call_many(list, 'XDEL', queue[letter])
  end
  call_many(ids, 'HDEL', queue.ids)
  if call('EXISTS', queue.history) == 1 then
    for _, ref in ipairs(refs) do
      call('HDEL', queue.history, ref .. 'b', ref .. 'e', ref .. 'o')
    end
  end
end

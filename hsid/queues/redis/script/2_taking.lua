-- From ready to leased, and back when a delay or a lease has ended.

local LEASING_ORDER = {
  {'f', REDELIVERED}, {'n', REDELIVERED}, {'f', AGAIN}, {'f'}, {'n', AGAIN}, {'n'},
}
local EVICTION_ORDER = {
  {'n', AGAIN}, {'n'}, {'f', AGAIN}, {'f'}, {'n', REDELIVERED}, {'f', REDELIVERED},
}

-- Returns the refs of those that have vanished meanwhile; they stay due.
local function wake_due(queue)
  local ended = call('ZRANGEBYSCORE', queue.leases, '-inf', text(now))
  for _, member in ipairs(ended) do
    move(queue, ref_in(member), REDELIVERED)
  end
  call_many(ended, 'ZREM', queue.leases)
  local due, woken, vanished = call('ZRANGEBYSCORE', queue.delayed, '-inf', text(now)), {}, {}
  for _, member in ipairs(due) do
    local ref = after_letter(member)
    if move(queue, ref, letter_of(member) == 'r' and REDELIVERED or AGAIN) then
      woken[#woken + 1] = member
    else
      vanished[#vanished + 1] = ref
    end
  end
  call_many(woken, 'ZREM', queue.delayed)
  return vanished
end

-- Ends leases and delays of the refs for which *is_meant* is true.
local function end_waits(queue, is_meant)
  for _, member in ipairs(call('ZRANGE', queue.leases, 0, -1)) do
    if is_meant(ref_in(member)) then
      call('ZREM', queue.leases, member)
    end
  end
  for _, member in ipairs(call('ZRANGE', queue.delayed, 0, -1)) do
    if is_meant(after_letter(member)) then
      call('ZREM', queue.delayed, member)
    end
  end
end

-- Forgets entries that somebody else has deleted from the stream.
local function forget(queue, refs)
  local is_gone, ids = {}, {}
  for _, ref in ipairs(refs) do
    is_gone[ref] = true
  end
  local known = call('HGETALL', queue.ids)
  for place = 1, #known, 2 do
    if is_gone[known[place + 1]] then
      ids[#ids + 1] = known[place]
    end
  end
  remove(queue, refs, ids)
  end_waits(queue, function(ref) return is_gone[ref] end)
end

local function pending_of(queue, letter, consumer, limit)
  local sids = {}
  if limit > 0 then
    for _, row in ipairs(call('XPENDING', queue[letter], GROUP, '-', '+', limit, consumer)) do
      sids[#sids + 1] = row[1]
    end
  end
  return sids
end

local function take_waiting(queue, letter, waiting, consumer, limit, visit)
  local vanished = {}
  local sids = pending_of(queue, letter, waiting, limit)
  for _, sid in ipairs(sids) do
    -- Of what has been deleted version 6.2 says nil, version 7 nothing.
    local entry = entry_in(letter, call('XCLAIM', queue[letter], GROUP, consumer, 0, sid)[1])
    if entry then
      visit(entry, waiting == REDELIVERED)
    else
      vanished[#vanished + 1] = letter .. sid
    end
  end
  if #vanished > 0 then
    forget(queue, vanished)
  end
  return #sids - #vanished, #vanished
end

local function take_new(queue, letter, consumer, limit, visit)
  local reply = limit > 0 and call(
    'XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', limit, 'STREAMS', queue[letter], '>'
  )
  if not reply then
    return 0
  end
  local raws, foreign = reply[1][2], {}
  for _, raw in ipairs(raws) do
    local entry = entry_in(letter, raw)
    if entry then
      visit(entry, false)
    else
      foreign[#foreign + 1] = letter .. raw[1]
    end
  end
  remove(queue, foreign, {})
  return #raws - #foreign
end

-- Makes up to *limit* ready entries the consumer's and calls *visit* with each; returns how many
-- were found to have vanished.
local function take(queue, order, consumer, limit, visit)
  local vanished = 0
  for _, source in ipairs(order) do
    local letter, waiting = source[1], source[2]
    if waiting then
      local taken, gone = take_waiting(queue, letter, waiting, consumer, limit, visit)
      limit, vanished = limit - taken, vanished + gone
    else
      limit = limit - take_new(queue, letter, consumer, limit, visit)
    end
  end
  return vanished
end

-- Gives back what was leased under *token* in a call whose answer never arrived.
local function give_back_unseen(queue, token)
  for _, member in ipairs(call('ZRANGE', queue.leases, 0, -1)) do
    if string.match(member, ':(.*)$') == token then
      move(queue, ref_in(member), AGAIN)
      call('ZREM', queue.leases, member)
    end
  end
end

-- Returns in how many seconds the first entry comes back by itself, '' if none does.
local function next_due(queue)
  local earliest = math.huge
  for _, set in ipairs({queue.leases, queue.delayed}) do
    local first = call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
    earliest = math.min(earliest, tonumber(first) or math.huge)
  end
  return earliest < math.huge and text(math.max(0, earliest - now)) or ''
end

local function last_id_of(stream)
  return field_in(call('XINFO', 'STREAM', stream), 'last-generated-id')
end

-- Arguments: consumer, limit, duration, token, and the tokens of calls that got no answer.
-- Returns how many had vanished; member, id and payload of each entry; of those with a past place,
-- begun, whether redelivered, and origin; if there are none, what to wait for: the time until one
-- comes back by itself, and the last ids of the streams.
function operations.take(queue)
  local consumer, limit, duration = next_argument(), next_number(), next_number()
  local token = next_argument()
  for _, lost in ipairs(other_arguments()) do
    give_back_unseen(queue, lost)
  end
  local gone = wake_due(queue)
  if #gone > 0 then
    forget(queue, gone)
  end
  local entries, pasts, leases = {}, {}, {}
  local ends_at = text(now + duration)
  local has_history = call('EXISTS', queue.history) == 1
  local vanished = #gone + take(queue, LEASING_ORDER, consumer, limit, function(entry, is_redelivered)
    local ref, size = entry.ref, #leases
    local member = ref .. ':' .. token
    leases[size + 1], leases[size + 2] = ends_at, member
    size = #entries
    entries[size + 1], entries[size + 2], entries[size + 3] = member, entry.id, entry.payload
    local past = has_history and call('HMGET', queue.history, ref .. 'b', ref .. 'o') or {}
    if is_redelivered or past[1] or past[2] then
      pasts[#pasts + 1] = {size / 3, past[1] or 0, is_redelivered and 1 or 0, past[2] or ''}
    end
  end)
  call_many(leases, 'ZADD', queue.leases)
  if #entries > 0 then
    return {vanished, entries, pasts}
  end
  return {vanished, entries, pasts, next_due(queue), last_id_of(queue.f), last_id_of(queue.n)}
end

-- Arguments: how many at most. Returns id, letter and payload of each, in the order of leasing.
function operations.peek(queue)
  local limit, found = next_number(), {}
  wake_due(queue)
  for _, source in ipairs(LEASING_ORDER) do
    local letter, waiting = source[1], source[2]
    local raws = {}
    if waiting then
      for _, sid in ipairs(pending_of(queue, letter, waiting, limit - #found)) do
        raws[#raws + 1] = call('XRANGE', queue[letter], sid, sid)[1]
      end
    elseif #found < limit then
      local delivered
      for _, group in ipairs(call('XINFO', 'GROUPS', queue[letter])) do
        if field_in(group, 'name') == GROUP then
          delivered = field_in(group, 'last-delivered-id')
        end
      end
      raws = call('XRANGE', queue[letter], '(' .. delivered, '+', 'COUNT', limit - #found)
    end
    for _, raw in ipairs(raws) do
      local entry = entry_in(letter, raw)
      if entry then
        found[#found + 1] = {entry.id, letter, entry.payload}
      end
    end
  end
  return found
end

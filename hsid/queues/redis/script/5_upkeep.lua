-- What is done to a queue as a whole.

-- A clock that was ahead when these were set must not park entries for good.
local function cut_delays(set, latest)
  for _, member in ipairs(call('ZRANGEBYSCORE', set, '(' .. latest, '+inf')) do
    call('ZADD', set, latest, member)
  end
end

-- Arguments: consumer, longest delay. Returns how many entries the consumer had.
function operations.reclaim(queue)
  local consumer, latest = next_argument(), text(now + next_number())
  cut_delays(queue.leases, latest)
  cut_delays(queue.delayed, latest)
  local was_had, count = {}, 0
  for _, letter in ipairs({'f', 'n'}) do
    local bound = call('XPENDING', queue[letter], GROUP)[1] -- the stream may be shorter: trimmed
    for _, sid in ipairs(pending_of(queue, letter, consumer, bound)) do
      if move(queue, letter .. sid, REDELIVERED) then
        was_had[letter .. sid] = true
        count = count + 1
      end
    end
  end
  end_waits(queue, function(ref) return was_had[ref] end)
  return count
end

-- Arguments: seconds. Makes ready what somebody has had for as long without lease or delay: read by
-- hand with another name, or left when our keys were deleted. Returns how many entries that were.
-- XAUTOCLAIM would do it with fewer words, but takes from those too who hold a lease.
function operations.rescue(queue)
  local idle, count = next_number() * 1000, 0
  local is_known = {[AGAIN] = true, [REDELIVERED] = true}
  for _, member in ipairs(call('ZRANGE', queue.leases, 0, -1)) do
    is_known[ref_in(member)] = true
  end
  for _, member in ipairs(call('ZRANGE', queue.delayed, 0, -1)) do
    is_known[after_letter(member)] = true
  end
  for _, letter in ipairs({'f', 'n'}) do
    local from = '-'
    while from do
      local rows = call('XPENDING', queue[letter], GROUP, 'IDLE', idle, from, '+', PORTION)
      for _, row in ipairs(rows) do
        local ref = letter .. row[1]
        local is_stray = not is_known[row[2]] and not is_known[ref]
        if is_stray and move(queue, ref, REDELIVERED) then
          count = count + 1
        end
      end
      from = #rows == PORTION and '(' .. rows[#rows][1]
    end
  end
  return count
end

-- Arguments: how many at most. Returns how many were deleted.
function operations.clear(queue)
  local limit, refs, ids = next_number(), {}, {}
  local delayed = call('ZRANGE', queue.delayed, 0, limit - 1)
  call_many(delayed, 'ZREM', queue.delayed)
  for _, member in ipairs(delayed) do
    move(queue, after_letter(member), AGAIN)
  end
  take(queue, EVICTION_ORDER, AGAIN, limit, function(entry)
    refs[#refs + 1], ids[#ids + 1] = entry.ref, entry.id
  end)
  remove(queue, refs, ids)
  return #refs
end

-- Returns how many are ready, leased, delayed and dead, and the age of the oldest or ''.
function operations.stats(queue)
  local ended = call('ZCOUNT', queue.leases, '-inf', text(now))
  local due = call('ZCOUNT', queue.delayed, '-inf', text(now))
  local ready, oldest = ended + due, math.huge
  for _, letter in ipairs({'f', 'n'}) do
    local pending = call('XPENDING', queue[letter], GROUP)
    ready = ready + math.max(0, call('XLEN', queue[letter]) - pending[1])
    for _, row in ipairs(pending[4] or {}) do
      if row[1] == AGAIN or row[1] == REDELIVERED then
        ready = ready + tonumber(row[2])
      end
    end
    local first = entry_in(letter, call('XRANGE', queue[letter], '-', '+', 'COUNT', 1)[1])
    oldest = math.min(oldest, first and tonumber(first.put_at) or math.huge)
  end
  return {
    ready, call('ZCARD', queue.leases) - ended, call('ZCARD', queue.delayed) - due,
    call('XLEN', queue.dead.list) + call('XLEN', queue.overflow.list),
    oldest < math.huge and text(math.max(0, now - oldest)) or '',
  }
end

local function has_group(stream)
  if call('EXISTS', stream) == 1 then
    for _, group in ipairs(call('XINFO', 'GROUPS', stream)) do
      if field_in(group, 'name') == GROUP then
        return true
      end
    end
  end
  return false
end

-- Forgets what is known about the entries of one stream; they are ready again if it holds them.
local function start_anew(queue, letter)
  end_waits(queue, function(ref) return letter_of(ref) == letter end)
  local known = call('HGETALL', queue.ids)
  for place = 1, #known, 2 do
    if letter_of(known[place + 1]) == letter then
      call('HDEL', queue.ids, known[place])
    end
  end
  for _, raw in ipairs(call('XRANGE', queue[letter], '-', '+')) do
    local entry = entry_in(letter, raw)
    if entry then
      call('HSET', queue.ids, entry.id, entry.ref)
    end
  end
end

-- Makes missing groups; returns how many were missing.
function operations.mend(queue)
  local missing = 0
  for _, letter in ipairs({'f', 'n'}) do
    if not has_group(queue[letter]) then
      missing = missing + 1
      call('XGROUP', 'CREATE', queue[letter], GROUP, '0', 'MKSTREAM')
      start_anew(queue, letter)
    end
  end
  return missing
end

return operations[ARGV[1]](queue_at(1))

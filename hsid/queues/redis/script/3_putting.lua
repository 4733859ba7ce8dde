-- Into the queue: new entries, those that make room for them, and dead letters that come back.

-- Stores a dead letter in place of the former one of its id.
local function bury(queue, graveyard, entry, error, traceback, begun)
  local ref = entry.ref
  local history = call('HMGET', queue.history, ref .. 'b', ref .. 'e', ref .. 'o')
  local first_error = history[2] or (begun and error) or ''
  local former = call('HGET', graveyard.ids, entry.id)
  local sid = call(
    'XADD', graveyard.list, '*', 'id', entry.id, 'priority', letter_of(ref),
    'payload', entry.payload, 'error', error, 'first_error', first_error, 'traceback', traceback,
    'begun', begun or history[1] or 0, 'enqueued_at', entry.put_at, 'died_at', text(now),
    'origin', history[3] or ''
  )
  call('HSET', graveyard.ids, entry.id, sid)
  if former then
    call('XDEL', graveyard.list, former)
  end
end

-- Removes up to *count* ready entries, kept as dead letters where there is an *error* to tell.
local function evict(queue, count, error)
  call('ZADD', queue.leases, 'XX', 0, '') -- changes nothing; refused where memory is full
  wake_due(queue)
  local evicted, refs, ids = {}, {}, {}
  take(queue, EVICTION_ORDER, AGAIN, count, function(entry)
    if error ~= '' then
      bury(queue, queue.overflow, entry, error, '')
    end
    evicted[#evicted + 1] = {entry.id, letter_of(entry.ref), entry.payload}
    refs[#refs + 1], ids[#ids + 1] = entry.ref, entry.id
  end)
  remove(queue, refs, ids)
  return evicted
end

-- Forgets those of *refs*, the entries' by place, that somebody else has deleted from their stream:
-- otherwise they could never be put again.
local function forget_vanished(queue, entries, refs)
  local is_gone, gone, ids = {}, {}, {}
  for place, entry in ipairs(entries) do
    if refs[place] and not entry_at(queue, refs[place]) then
      is_gone[refs[place]] = true
      gone[#gone + 1], ids[#ids + 1] = refs[place], entry[1]
      refs[place] = false
    end
  end
  if #gone > 0 then
    remove(queue, gone, ids)
    end_waits(queue, function(ref) return is_gone[ref] end)
  end
end

-- Stores those of *entries* (id, letter, payload) that are new, as far as there is room. Returns
-- what is to be told, and the refs of the new ones by their ids. A report tells how many fitted,
-- and if not all did, who had to go and which were there already.
local function put(queue, capacity, policy, error, entries)
  local ids = {}
  for place, entry in ipairs(entries) do
    ids[place] = entry[1]
  end
  local refs = call_many(ids, 'HMGET', queue.ids)
  forget_vanished(queue, entries, refs)
  local new, is_held = {}, {}
  for place, entry in ipairs(entries) do
    is_held[place] = refs[place] and 1 or 0
    if not refs[place] then
      new[#new + 1] = entry
    end
  end
  local room = math.max(0, capacity - call('HLEN', queue.ids))
  local is_crowded, evicted = #new > room, {}
  if is_crowded and policy ~= 'reject' then
    evicted = evict(queue, #new - room, error)
  end
  local put_at, stored, index = text(now), {}, {}
  for place = 1, math.min(#new, room + #evicted) do
    local id, letter, payload = new[place][1], new[place][2], new[place][3]
    local ref = letter .. call('XADD', queue[letter], '*', 'i', id, 'p', payload, 't', put_at)
    stored[id] = ref
    index[2 * place - 1], index[2 * place] = id, ref
  end
  call_many(index, 'HSET', queue.ids)
  return is_crowded and {room, evicted, is_held} or {room}, stored
end

-- Arguments: capacity, policy, error of the evicted, how many, and id, letter, payload of each.
local function put_next(queue)
  local capacity, policy, error = next_number(), next_argument(), next_argument()
  local entries = {}
  for place = 1, next_number() do
    entries[place] = {next_argument(), next_argument(), next_argument()}
  end
  return put(queue, capacity, policy, error, entries)
end

function operations.put(queue)
  return (put_next(queue))
end

local function letters_of(queue, id)
  local letters = {}
  for name, graveyard in pairs({dlq = queue.dead, overflow = queue.overflow}) do
    local sid = call('HGET', graveyard.ids, id)
    local raw = sid and call('XRANGE', graveyard.list, sid, sid)[1]
    if raw then
      letters[#letters + 1] = {name = name, graveyard = graveyard, sid = sid, fields = raw[2]}
    end
  end
  return letters
end

local function remove_letter(letter, id)
  call('XDEL', letter.graveyard.list, letter.sid)
  call('HDEL', letter.graveyard.ids, id)
end

-- Arguments: capacity, policy, error of the evicted, ids. Returns the ids that have dead letters,
-- and the report about those. A letter that finds no room stays one.
function operations.requeue(queue)
  local capacity, policy, error = next_number(), next_argument(), next_argument()
  local known, entries, letters = {}, {}, {}
  for _, id in ipairs(other_arguments()) do
    letters[id] = letters_of(queue, id)
    if #letters[id] > 0 then
      local fields = letters[id][1].fields
      known[#known + 1] = id
      entries[#entries + 1] = {id, field_in(fields, 'priority'), field_in(fields, 'payload')}
    end
  end
  local report, stored = put(queue, capacity, policy, error, entries)
  for place, id in ipairs(known) do
    local was_held = not report[3] or report[3][place] == 1
    for _, letter in ipairs((stored[id] or was_held) and letters[id] or {}) do
      if stored[id] then
        local origin = letter.name .. ' ' .. field_in(letter.fields, 'died_at')
        call('HSET', queue.history, stored[id] .. 'o', origin)
      end
      remove_letter(letter, id)
    end
  end
  return {known, report}
end

-- Arguments: ids. Returns how many dead letters were deleted.
function operations.discard(queue)
  local count = 0
  for _, id in ipairs(other_arguments()) do
    for _, letter in ipairs(letters_of(queue, id)) do
      remove_letter(letter, id)
      count = count + 1
    end
  end
  return count
end

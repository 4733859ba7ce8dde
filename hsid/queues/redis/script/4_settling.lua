-- While an entry is leased, and how that ends.

local function give_back(queue, item)
  local ref = ref_in(item.member)
  if item.begun > 0 then
    call('HSET', queue.history, ref .. 'b', item.begun)
  else
    call('HDEL', queue.history, ref .. 'b')
  end
  if item.error then
    call('HSETNX', queue.history, ref .. 'e', item.error)
  end
  if item.delay > 0 then
    local how = item.is_redelivered and 'r' or 'a'
    if move(queue, ref, DELAYED) then
      call('ZADD', queue.delayed, text(now + item.delay), how .. ref)
    end
  else
    move(queue, ref, item.is_redelivered and REDELIVERED or AGAIN)
  end
end

local function give_up(queue, item)
  local ref = ref_in(item.member)
  local entry = entry_at(queue, ref)
  if entry then
    bury(queue, queue.dead, entry, item.error, item.traceback, item.begun)
  end
  remove(queue, {ref}, {item.id})
end

-- Acknowledges what is still leased; returns the members that are not.
local function acknowledge(queue, members, ids)
  local held, refs, done, lost = {}, {}, {}, {}
  local ends = call_many(members, 'ZMSCORE', queue.leases)
  for place, member in ipairs(members) do
    if ends[place] then
      held[#held + 1], refs[#refs + 1], done[#done + 1] = member, ref_in(member), ids[place]
    else
      lost[#lost + 1] = member
    end
  end
  remove(queue, refs, done)
  call_many(held, 'ZREM', queue.leases)
  return lost
end

-- Arguments: how many are acknowledged, member and id of each; the other items as one JSON list.
local function settle_next(queue)
  local members, ids = {}, {}
  for place = 1, next_number() do
    members[place], ids[place] = next_argument(), next_argument()
  end
  local others = cjson.decode(next_argument())
  local lost = acknowledge(queue, members, ids)
  for _, item in ipairs(others) do
    if not call('ZSCORE', queue.leases, item.member) then
      lost[#lost + 1] = item.member
    else
      (item.is_dead and give_up or give_back)(queue, item)
      call('ZREM', queue.leases, item.member)
    end
  end
  return lost
end

function operations.settle(queue)
  return settle_next(queue)
end

-- Arguments: how many puts, for each the queue's number and what a put wants; the same for
-- settling. Returns the reports of all and the lost members of all.
function operations.complete()
  local reports, lost = {}, {}
  for place = 1, next_number() do
    reports[place] = put_next(queue_at(next_number()))
  end
  for place = 1, next_number() do
    lost[place] = settle_next(queue_at(next_number()))
  end
  return {reports, lost}
end

-- Arguments: member, how often begun. Returns whether the lease holds.
function operations.begin(queue)
  local member = next_argument()
  if not call('ZSCORE', queue.leases, member) then
    return 0
  end
  call('HSET', queue.history, ref_in(member) .. 'b', next_argument())
  return 1
end

-- Arguments: duration, members.
function operations.extend(queue)
  local ends_at, list = text(now + next_number()), {}
  for place, member in ipairs(other_arguments()) do
    list[2 * place - 1], list[2 * place] = ends_at, member
  end
  call_many(list, 'ZADD', queue.leases, 'XX')
  return 0
end

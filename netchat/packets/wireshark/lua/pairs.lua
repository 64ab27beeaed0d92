---------------------------------------------------------------------------------------------------
-- Requests and responses, matched by connection, linking field and time. Pairs are found when a packet
-- is dissected for the first time, and looked up from then on.

local exchanges = {} -- key -> list of {question = {number, time}, answer = {number, time}}
local devices = {} -- connection -> device id, from its WELCOME
local servers = {} -- connection -> the server's endpoint, from a message that only one side sends
local carries = {} -- connection -> "frames", or "blocks" of a noisy link
local secured = {} -- connection -> whether it is TLS

function ncp.init()
  exchanges, devices, servers, carries, secured = {}, {}, {}, {}, {}
end

-- Returns a key of both endpoints, the same for both directions. (The field tcp.stream would distinguish
-- connections between the same ports, but has no value while Wireshark first reads a file.)
local function connection(pinfo)
  local src = tostring(pinfo.src) .. " " .. pinfo.src_port
  local dst = tostring(pinfo.dst) .. " " .. pinfo.dst_port
  return src < dst and src .. " " .. dst or dst .. " " .. src, src, dst
end

-- Returns the exchange of a message: the kind of response that its request has, and its number.
local function exchange_key(number, values)
  local question, field = number, LINKS[number]
  if number == ERROR then
    question, field = values.about, LINKS[values.about] and "reference"
    if not QUESTIONS[question] then return nil end
  end
  local family = QUESTIONS[question] or ANSWERS[question]
  return family and family .. "/" .. (field and tostring(values[field]) or "")
end

local function is_answer(number, values, by_server, own_device)
  if number == ERROR then return true end
  if number == BYE then return by_server end
  if number == EVENT or MESSAGES[number].name == "SEALED_EVENT" then
    -- An echo is an event of this connection's device; without a captured WELCOME, of any device.
    local device = tostring(values.device)
    return device ~= "0" and (own_device == nil or own_device == device)
  end
  return ANSWERS[number] ~= nil and tostring(values.request or 1) ~= "0"
end

local function note(list, number, values, pinfo)
  local ends, src, dst = connection(pinfo)
  local way = MESSAGES[number].way
  local by_server = way == "server"
  if way ~= "both" then
    servers[ends] = by_server and src or dst
  elseif servers[ends] then
    by_server = servers[ends] == src
  else
    by_server = pinfo.src_port < pinfo.dst_port -- most servers have the lower port
  end
  if number == WELCOME then devices[ends] = tostring(values.device) end
  local moment = { number = pinfo.number, time = pinfo.rel_ts }
  if is_answer(number, values, by_server, devices[ends]) then
    local last = list[#list]
    if last and not last.answer then last.answer = moment end
  elseif QUESTIONS[number] then
    list[#list + 1] = { question = moment }
  end
end

local function link(number, values, pinfo, tree)
  local key = exchange_key(number, values)
  if not key then return end
  key = connection(pinfo) .. "/" .. key
  local list = exchanges[key] or {}
  exchanges[key] = list
  if not pinfo.visited then note(list, number, values, pinfo) end
  for _, exchange in ipairs(list) do
    local question, answer = exchange.question, exchange.answer
    if answer and answer.number == pinfo.number and (ANSWERS[number] or number == ERROR) then
      tree:add(f["netchat.response_to"], question.number):set_generated()
      local time = math.max(0, answer.time - question.time)
      local seconds = math.floor(time)
      local span = NSTime.new(seconds, math.floor((time - seconds) * 1e9 + 0.5))
      tree:add(f["netchat.response_time"], span):set_generated()
      return
    elseif answer and question.number == pinfo.number and QUESTIONS[number] then
      tree:add(f["netchat.response_in"], answer.number):set_generated()
      return
    end
  end
end

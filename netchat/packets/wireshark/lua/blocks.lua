---------------------------------------------------------------------------------------------------
-- A block of a noisy link (docs/LINK.md): in a stream a marker, then a coded header, then the payload
-- in another code. The header's code is systematic, so the header can be read if it is undamaged, which
-- its CRC-16 shows. Everything else needs decoders; `netchat inspect` has them.

-- Maximum wrong bits in a marker, fewer than a link accepts: nothing is decoded here that would reveal
-- a false marker.
local MARKER_ERRORS = 3

local ONES = {}
for byte = 0, 255 do ONES[byte] = byte % 2 + (ONES[math.floor(byte / 2)] or 0) end

local function marker_at(raw, at)
  local wrong = 0
  for i = 1, #MARKER do
    local byte = raw:byte(at + i - 1)
    if not byte then return false end
    wrong = wrong + ONES[bxor(byte, MARKER:byte(i))]
    if wrong > MARKER_ERRORS then return false end
  end
  return true
end

-- Returns the offset of the next block, of which only the first bytes of the marker may be present, or
-- that of the end.
local function next_block(tvb, at)
  local raw = tvb:raw(at, tvb:captured_len() - at)
  for from = 1, #raw do
    local begins = #raw - from + 1 < #MARKER and raw:sub(from) == MARKER:sub(1, #raw - from + 1)
    if begins or marker_at(raw, from) then return at + from - 1 end
  end
  return at + #raw
end

-- CRC-16/IBM-3740 (polynomial 0x1021, initialised with ones): 0 after an intact header.
local function header_is_whole(bytes)
  local crc = 0xFFFF
  for at = 1, #bytes do
    crc = bxor(crc, bytes:byte(at) * 256)
    for _ = 1, 8 do
      local high = crc >= 0x8000
      crc = crc * 2 % 0x10000
      if high then crc = bxor(crc, 0x1021) end
    end
  end
  return crc == 0 and rshift(bytes:byte(1), 4) == LINK_VERSION and KINDS[bytes:byte(1) % 16] ~= nil
end

local function readable(tvb, at)
  return tvb:captured_len() - at >= LINK_HEADER and header_is_whole(tvb:raw(at, LINK_HEADER))
end

-- Adds the complete header at `at`. Returns a description of the block for the packet list.
local function add_link_header(tvb, at, tree)
  local kind, code = tvb(at, 1):uint() % 16, tvb(at + 1, 1):uint()
  local place = at
  local function add(name, size, value)
    local field, range = f["netchat.block." .. name], tvb(place, size)
    if value then tree:add(field, range, value) else tree:add(field, range) end
    place = place + size
  end
  tree:add(f["netchat.block.version"], tvb(at, 1), rshift(tvb(at, 1):uint(), 4))
  add("kind", 1, kind)
  add("code", 1)
  add("link", 2)
  add("length", 2)
  add("wrong", 2)
  add("offset", 4)
  add("number", 3)
  tree:add(f["netchat.block.redundancy"], tvb(place, 1))
  add("window", 1)
  add("ack", 4)
  add("echo", 3)
  add("delay", 1)
  add("arrived", 4)
  add("checked", 2)
  add("crc", 2)
  local length = tvb(at + 4, 2):uint()
  if length == 0 then return KINDS[kind] end
  return ("%s %d bytes in %s"):format(KINDS[kind], length, CODES[code] or "code " .. code)
end

-- Adds one block, of which `size` bytes are present. Returns its line for the packet list.
local function add_block(tvb, at, size, marker, tree)
  local top = tree:add(f["netchat.block"], tvb(at, size))
  local head = at + marker
  if marker > 0 then top:add(f["netchat.block.marker"], tvb(at, marker)) end
  local line = "[header damaged]"
  if readable(tvb, head) and head + LINK_HEADER <= at + size then
    line = add_link_header(tvb, head, top)
  else
    top:add_proto_expert_info(e.block_damaged)
  end
  local payload = head + LINK_CODED_HEADER
  if payload < at + size then
    top:add(f["netchat.block.payload"], tvb(payload, at + size - payload))
  end
  top:set_text(("netchat link, block of %d bytes: %s"):format(size, line))
  return "block " .. line
end

-- Whether a TCP connection is a link, by its first bytes.
local function is_link(tvb, pinfo)
  local ends = connection(pinfo)
  if not carries[ends] then
    local begins_block = marker_at(tvb:raw(0, math.min(#MARKER, tvb:captured_len())), 1)
    carries[ends] = begins_block and "blocks" or may_begin(tvb, 0, true) and "frames" or nil
  end
  return carries[ends] == "blocks"
end

-- A segment of a link: blocks, possibly after the rest of one that an earlier segment began. A header
-- that continues in the next segment is waited for; the end of a block is not needed.
local function add_blocks(tvb, pinfo, tree)
  local captured, lines = tvb:captured_len(), {}
  local whole = captured == tvb:reported_len()
  local at = next_block(tvb, 0)
  if at > 0 then
    tree:add(f["netchat.block.rest"], tvb(0, at))
    lines[1] = ("[%d bytes of a block]"):format(at)
  end
  while at < captured do
    local stop = next_block(tvb, at + 1)
    if stop == captured and stop - at < #MARKER + LINK_HEADER and whole and pinfo.can_desegment > 0 then
      pinfo.desegment_offset = at
      pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    lines[#lines + 1] = add_block(tvb, at, stop - at, math.min(#MARKER, stop - at), tree)
    at = stop
  end
  return lines
end

---------------------------------------------------------------------------------------------------
-- A frame.

-- Whether a frame may begin here, judging by the bytes present. After damage, every field must be valid;
-- where a frame is expected, only those that determine its end.
local function may_begin(tvb, at, strict)
  local left = tvb:captured_len() - at
  local raw = tvb:raw(at, math.min(left, 12))
  if raw:sub(1, 2) ~= MAGIC:sub(1, #raw) then return false end
  if strict and left >= 3 and raw:byte(3) ~= VERSION then return false end
  if strict and left >= 4 and not MESSAGES[raw:byte(4)] then return false end
  if strict and left >= 8 and raw:sub(5, 8) ~= "\0\0\0\0" then return false end
  return left < 12 or HEADER_SIZE + tvb(at + 8, 4):uint() <= ncp.prefs.max_frame
end

-- Returns the offset at which the next frame may begin, or that of the end.
local function next_start(tvb, at)
  local raw = tvb:raw(at, tvb:captured_len() - at)
  local from = 1
  while true do
    local found = raw:find(MAGIC, from, true)
    if not found then
      -- The first letter alone may be the beginning of a frame that the next segment continues.
      return raw:sub(-1) == MAGIC:sub(1, 1) and #raw > 1 and at + #raw - 1 or at + #raw
    end
    if may_begin(tvb, at + found - 1, true) then return at + found - 1 end
    from = found + 1
  end
end

-- Adds one frame, of whose `size` bytes `present` were captured. Returns its line for the packet list.
local function add_frame(tvb, at, size, present, pinfo, tree)
  local number = tvb(at + 3, 1):uint()
  local message = MESSAGES[number]
  local name = message and message.name or ("type 0x%02x"):format(number)
  local top = tree:add(ncp, tvb(at, present), ("netchat NCP, %s, %d bytes"):format(name, size))
  local head = top:add(tvb(at, HEADER_SIZE), "header")
  head:add(f["netchat.magic"], tvb(at, 2))
  local version = head:add(f["netchat.version"], tvb(at + 2, 1))
  local kind = head:add(f["netchat.type"], tvb(at + 3, 1))
  local flags = head:add(f["netchat.flags"], tvb(at + 4, 2))
  head:add(f["netchat.suite"], tvb(at + 6, 1))
  head:add(f["netchat.reserved"], tvb(at + 7, 1))
  head:add(f["netchat.length"], tvb(at + 8, 4))
  local crc = head:add(f["netchat.crc"], tvb(at + CRC_OFFSET, 4))
  if tvb(at + 4, 4):uint() ~= 0 then flags:add_proto_expert_info(e.bad_flags) end
  if present < size then
    top:add_proto_expert_info(e.truncated, ("%d of %d bytes were captured"):format(present, size))
  elseif ncp.prefs.check_crc then
    local computed = frame_crc(tvb, at, size)
    local good = computed == tvb(at + CRC_OFFSET, 4):uint()
    head:add(f["netchat.crc_good"], tvb(at + CRC_OFFSET, 4), good):set_generated()
    if not good then
      name = name .. " [bad CRC]"
      crc:add_proto_expert_info(e.bad_crc, ("The CRC should be 0x%08x"):format(computed))
    end
  end
  local body, stop = at + HEADER_SIZE, at + present
  if tvb(at + 2, 1):uint() ~= VERSION then
    version:add_proto_expert_info(e.bad_version)
    message = nil
  elseif not message then
    kind:add_proto_expert_info(e.unknown_type)
  end
  if not message then
    if stop > body then top:add(f["netchat.body"], tvb(body, stop - body)) end
    return name
  end
  local values = {}
  local prefix = "netchat." .. message.name:lower()
  local branch = top:add(f[prefix], tvb(body, stop - body))
  branch:set_text(message.name .. ": " .. message.doc)
  local at_end, problem = add_fields(tvb, body, stop, branch, prefix, message.fields, values)
  if present < size then return name .. " [truncated]" end
  if at_end and at_end < stop then
    local rest = stop - at_end
    problem = (rest == 1 and "1 byte is" or rest .. " bytes are") .. " left over after the last field"
    branch:add(f["netchat.body"], tvb(at_end, stop - at_end))
  end
  if problem then
    branch:add_proto_expert_info(e.malformed, problem)
    return name .. " [malformed]"
  end
  link(number, values, pinfo, top)
  local line = summary(message, values) .. name:sub(#message.name + 1)
  if number == ERROR then branch:add_proto_expert_info(e.refused, clean(values.text)) end
  return line
end

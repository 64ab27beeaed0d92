---------------------------------------------------------------------------------------------------
-- Part of a TCP stream: blocks, or complete frames, possibly followed by the beginning of one.

local function show(lines, pinfo)
  if #lines == 0 then return end
  pinfo.cols.protocol:set("NCP")
  -- A packet may complete an earlier frame and hold others; then this is called for each.
  pinfo.cols.info:clear()
  pinfo.cols.info:append(table.concat(lines, "; ") .. "  ")
  pinfo.cols.info:fence()
end

-- TLS on a port of netchat: whether a segment is part of a TLS stream, by the first bytes of its
-- connection. The TLS dissector gives decrypted content back to this one.
local in_tls = false

-- Whether a dissector may wait for the next segment. TLS puts its content together even though it does not
-- say so.
local function may_wait(pinfo)
  return in_tls or pinfo.can_desegment > 0
end

local function inside_tls(work)
  local before = in_tls
  in_tls = true
  local good, result = pcall(work)
  in_tls = before
  if not good then error(result, 0) end
  return result
end

local function is_tls(tvb, pinfo)
  if in_tls then return false end
  local ends = connection(pinfo)
  if secured[ends] == nil then
    local left = tvb:captured_len()
    local kind = tvb(0, 1):uint()
    if kind < 0x14 or kind > 0x17 or (left > 1 and tvb(1, 1):uint() ~= 3) then
      secured[ends] = false
    elseif left > 2 then
      secured[ends] = tvb(2, 1):uint() <= 4
    end
  end
  return secured[ends]
end

local function dissect_tls(tvb, pinfo, tree)
  -- Each dissector that calls another one takes one of these; TLS needs one to put records together.
  pinfo.can_desegment = 2
  local tls = Dissector.get("tls")
  return inside_tls(function() return tls:call(tvb, pinfo, tree) end)
end

function ncp.dissector(tvb, pinfo, tree)
  if is_tls(tvb, pinfo) then return dissect_tls(tvb, pinfo, tree) end
  if is_link(tvb, pinfo) then
    show(add_blocks(tvb, pinfo, tree:add(ncp, tvb(), "netchat NCP over a link")), pinfo)
    return tvb:captured_len()
  end
  local captured, cut = tvb:captured_len(), tvb:captured_len() < tvb:reported_len()
  local at, lines = 0, {}
  while at < captured do
    local left = captured - at
    if not may_begin(tvb, at, false) then
      local start = at
      at = next_start(tvb, at + 1)
      local item = tree:add(ncp, tvb(start, at - start), "netchat NCP, not a frame")
      item:add(f["netchat.skipped"], tvb(start, at - start))
      item:add_proto_expert_info(e.no_frame)
      lines[#lines + 1] = ("[%d bytes outside any frame]"):format(at - start)
    else
      local size = left >= HEADER_SIZE and HEADER_SIZE + tvb(at + 8, 4):uint() or HEADER_SIZE
      if size > left and not cut and may_wait(pinfo) then
        -- Shown here too: if the length is wrong, the rest never arrives.
        local what = left < HEADER_SIZE and "part of a header"
          or ("the first %d of %d bytes of a frame"):format(left, size)
        tree:add(f["netchat.begins"], tvb(at, left)):set_text("netchat NCP, " .. what)
        pinfo.desegment_offset = at
        pinfo.desegment_len = left < HEADER_SIZE and DESEGMENT_ONE_MORE_SEGMENT or size - left
        break
      elseif left < HEADER_SIZE then
        local item = tree:add(ncp, tvb(at, left), "netchat NCP, part of a header")
        item:add_proto_expert_info(e.truncated)
        lines[#lines + 1] = "[part of a header]"
      else
        lines[#lines + 1] = add_frame(tvb, at, size, math.min(size, left), pinfo, tree)
      end
      at = at + math.min(size, left)
    end
  end
  show(lines, pinfo)
  return captured
end

local function looks_right(tvb)
  if not ncp.prefs.heuristic or tvb:captured_len() < HEADER_SIZE then return false end
  local raw = tvb:raw(0, #MARKER)
  return marker_at(raw, 1) and readable(tvb, #MARKER) or may_begin(tvb, 0, true)
end

ncp:register_heuristic("tcp", function(tvb, pinfo, tree)
  if not looks_right(tvb) then return false end
  pinfo.conversation = ncp
  ncp.dissector(tvb, pinfo, tree)
  return true
end)

-- The content of TLS on other ports, once it is decrypted. The conversation remains that of TLS.
ncp:register_heuristic("tls", function(tvb, pinfo, tree)
  if not looks_right(tvb) then return false end
  inside_tls(function() ncp.dissector(tvb, pinfo, tree) end)
  return true
end)

-- Over UDP, a datagram is a block without a marker.
local datagram = Proto("netchat_udp", "netchat NCP over a link over UDP")

function datagram.dissector(tvb, pinfo, tree)
  local captured = tvb:captured_len()
  -- A datagram shorter than a header is not a block, unless the capture truncated it.
  if captured == 0 or tvb:reported_len() < LINK_CODED_HEADER then return 0 end
  show({ add_block(tvb, 0, captured, 0, tree:add(ncp, tvb(), "netchat NCP over a link")) }, pinfo)
  return captured
end

datagram:register_heuristic("udp", function(tvb, pinfo, tree)
  if not ncp.prefs.heuristic or not readable(tvb, 0) then return false end
  pinfo.conversation = datagram
  datagram.dissector(tvb, pinfo, tree)
  return true
end)

local tcp_port, udp_port = DissectorTable.get("tcp.port"), DissectorTable.get("udp.port")
local tls_port = DissectorTable.get("tls.port")
local ports = nil

local function use_ports()
  if ports == ncp.prefs.ports then return end
  if ports and ports ~= "" then
    tcp_port:remove(ports, ncp)
    tls_port:remove(ports, ncp)
    udp_port:remove(ports, datagram)
  end
  ports = ncp.prefs.ports
  if ports and ports ~= "" then
    tls_port:add(ports, ncp)
    tcp_port:add(ports, ncp)
    udp_port:add(ports, datagram)
  end
end

function ncp.prefs_changed()
  use_ports()
end

use_ports()

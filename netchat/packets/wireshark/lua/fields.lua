---------------------------------------------------------------------------------------------------
-- Fields: netchat.<message>.<field>, and netchat.<field> if it means the same in all messages.

local NUMBERS = {
  u8 = ProtoField.uint8, u16 = ProtoField.uint16, u32 = ProtoField.uint32, u64 = ProtoField.uint64,
}

local function new_field(abbr, field)
  if field.kind == "text" then
    return ProtoField.string(abbr, field.name, base.UNICODE, field.doc)
  elseif field.kind == "blob" then
    return ProtoField.bytes(abbr, field.name, base.NONE, field.doc)
  elseif field.kind == "list" then
    return ProtoField.uint16(abbr, field.name, base.DEC, nil, nil, field.doc)
  end
  return NUMBERS[field.kind](abbr, field.name, base.DEC, ENUMS[field.enum], nil, field.doc)
end

local f = {} -- every field by its filter name
local all = {}

local function register(abbr, protofield)
  f[abbr] = protofield
  all[#all + 1] = protofield
end

local type_names = {}
for number, message in pairs(MESSAGES) do type_names[number] = message.name end

register("netchat.magic", ProtoField.string("netchat.magic", "magic"))
register("netchat.version", ProtoField.uint8("netchat.version", "version"))
register("netchat.type", ProtoField.uint8("netchat.type", "type", base.HEX, type_names))
register("netchat.flags", ProtoField.uint16("netchat.flags", "flags", base.HEX))
register("netchat.suite", ProtoField.uint8("netchat.suite", "suite"))
register("netchat.reserved", ProtoField.uint8("netchat.reserved", "reserved"))
register("netchat.length", ProtoField.uint32("netchat.length", "length"))
register("netchat.crc", ProtoField.uint32("netchat.crc", "crc", base.HEX))
register("netchat.crc_good", ProtoField.bool("netchat.crc_good", "CRC is right"))
register("netchat.body", ProtoField.bytes("netchat.body", "body"))
register("netchat.skipped", ProtoField.bytes("netchat.skipped", "bytes outside any frame"))
register("netchat.begins", ProtoField.bytes("netchat.begins", "frame that continues in later segments"))
register("netchat.response_in",
  ProtoField.framenum("netchat.response_in", "Answered in", base.NONE, frametype.RESPONSE))
register("netchat.response_to",
  ProtoField.framenum("netchat.response_to", "Answer to", base.NONE, frametype.REQUEST))
register("netchat.response_time",
  ProtoField.relative_time("netchat.response_time", "Time since the request"))

register("netchat.block", ProtoField.none("netchat.block", "block of a noisy link"))
for name, field in pairs({
  marker = { ProtoField.bytes, base.SPACE, "sync marker" },
  rest = { ProtoField.bytes, base.NONE, "bytes of a block that an earlier segment began" },
  payload = { ProtoField.bytes, base.NONE, "payload, coded" },
}) do
  local abbr = "netchat.block." .. name
  register(abbr, field[1](abbr, field[3], field[2]))
end
for name, field in pairs({
  version = { ProtoField.uint8, base.DEC },
  kind = { ProtoField.uint8, base.DEC, KINDS },
  code = { ProtoField.uint8, base.DEC, CODES },
  link = { ProtoField.uint16, base.HEX },
  length = { ProtoField.uint16, base.DEC },
  wrong = { ProtoField.uint16, base.DEC },
  offset = { ProtoField.uint32, base.DEC },
  number = { ProtoField.uint24, base.DEC },
  redundancy = { ProtoField.bool, 8, nil, 0x80 },
  window = { ProtoField.uint8, base.DEC, nil, 0x7f },
  ack = { ProtoField.uint32, base.DEC },
  echo = { ProtoField.uint24, base.DEC },
  delay = { ProtoField.uint8, base.DEC },
  arrived = { ProtoField.uint32, base.HEX },
  checked = { ProtoField.uint16, base.DEC },
  crc = { ProtoField.uint16, base.HEX },
}) do
  local abbr = "netchat.block." .. name
  register(abbr, field[1](abbr, name, field[2], field[3], field[4]))
end

local function register_fields(prefix, fields)
  for _, field in ipairs(fields) do
    register(prefix .. "." .. field.name, new_field(prefix .. "." .. field.name, field))
    if field.record then
      register_fields(prefix .. "." .. field.name, RECORDS[field.record])
    end
  end
end

for _, message in pairs(MESSAGES) do
  local abbr = "netchat." .. message.name:lower()
  register(abbr, ProtoField.none(abbr, message.name, message.doc))
  register_fields(abbr, message.fields)
end
for name, field in pairs(COMMON) do
  register("netchat." .. name, new_field("netchat." .. name, field))
end
ncp.fields = all

local e = {
  bad_crc = ProtoExpert.new("netchat.bad_crc", "The CRC does not match the frame's bytes",
    expert.group.CHECKSUM, expert.severity.ERROR),
  bad_version = ProtoExpert.new("netchat.bad_version", "Unknown version of the protocol",
    expert.group.PROTOCOL, expert.severity.ERROR),
  unknown_type = ProtoExpert.new("netchat.unknown_type", "Unknown message type",
    expert.group.PROTOCOL, expert.severity.WARN),
  bad_flags = ProtoExpert.new("netchat.bad_flags", "Flags, suite and reserved must be 0",
    expert.group.PROTOCOL, expert.severity.WARN),
  malformed = ProtoExpert.new("netchat.malformed", "The body does not match its type",
    expert.group.MALFORMED, expert.severity.ERROR),
  truncated = ProtoExpert.new("netchat.truncated", "Only part of this frame was captured",
    expert.group.UNDECODED, expert.severity.WARN),
  no_frame = ProtoExpert.new("netchat.no_frame", "These bytes are not a frame",
    expert.group.UNDECODED, expert.severity.WARN),
  block_damaged = ProtoExpert.new("netchat.block_damaged",
    "This block's header is damaged; netchat inspect decodes it",
    expert.group.CHECKSUM, expert.severity.NOTE),
  refused = ProtoExpert.new("netchat.refused", "The server refused the request",
    expert.group.RESPONSE_CODE, expert.severity.NOTE),
}
ncp.experts = {
  e.bad_crc, e.bad_version, e.unknown_type, e.bad_flags, e.malformed, e.truncated, e.no_frame,
  e.block_damaged, e.refused,
}

-- Wireshark's dissector for NCP, the protocol of netchat.
--
-- Written by `netchat wireshark write` from the declarations in netchat/wire/messages.py; a change
-- made here would be lost. It is installed by `netchat wireshark install`, or tried without that:
--
--   tshark -X lua_script:netchat.lua -r chat.pcapng
--
-- Works with Wireshark 3.6 and later (Lua 5.2 to 5.4).

local VERSION, MAGIC = 1, "NC"
local DEFAULT_PORT, MAX_FRAME = "6464", 65536
local ERROR, EVENT, WELCOME, BYE = 0x05, 0x21, 0x02, 0x06

local ENUMS = {
  ErrorCode = { [1] = "BAD_FRAME", [2] = "UNEXPECTED", [3] = "HANDSHAKE_TIMEOUT", [4] = "FRAME_TIMEOUT", [5] = "IDLE_TIMEOUT", [6] = "STALLED", [7] = "SERVER_FULL", [8] = "BUSY", [9] = "SESSION_MOVED", [10] = "SHUTTING_DOWN", [100] = "NAME_TAKEN", [101] = "NAME_NOT_ALLOWED", [110] = "NO_SUCH_ROOM", [111] = "NOT_A_MEMBER", [112] = "TOO_MANY_ROOMS", [113] = "NO_SUCH_USER", [120] = "TEXT_NOT_ALLOWED", [121] = "TEXT_TOO_LONG", [122] = "OUT_OF_ORDER", [130] = "TOO_FAST", [140] = "STORAGE" },
  EventKind = { [1] = "CHAT", [2] = "JOIN", [3] = "LEAVE", [4] = "RENAME" },
  RoomKind = { [1] = "LOBBY", [2] = "ROOM", [3] = "PRIVATE" },
}

local RECORDS = {
  Position = {
    { name = "room", kind = "text", doc = "The room's code." },
    { name = "log", kind = "u64", doc = "Identity of the room's log, from JOINED or WELCOME." },
    { name = "last", kind = "u64", doc = "Sequence number of the last event the client has applied." },
  },
  Membership = {
    { name = "room", kind = "text", doc = "The room's code." },
    { name = "kind", kind = "u8", enum = "RoomKind", doc = "Kind of the room." },
    { name = "peer", kind = "text", doc = "Name of the other user in a private room, else empty." },
    { name = "log", kind = "u64", doc = "Identity of the room's log. A client that knows another one starts over." },
    { name = "last", kind = "u64", doc = "Position at which the client continues: it applies the EVENT after this one next, and drops all others up to this one." },
    { name = "head", kind = "u64", doc = "The room's last event now. Once the client has applied it, it has caught up, and retransmits its messages that have no EVENT yet." },
  },
  Member = {
    { name = "name", kind = "text", doc = "The user's name." },
    { name = "away", kind = "u8", doc = "1 while the connection is lost and the session may still be resumed, else 0." },
  },
}

local MESSAGES = {
  [0x01] = {
    name = "HELLO", way = "client",
    doc = "Opens a connection: the first frame of every client.",
    fields = {
      { name = "features", kind = "u32", doc = "Optional features of the client, one per bit. No features are defined yet." },
      { name = "device", kind = "blob", doc = "16 random bytes that the client keeps secret. The first 63 bits of their SHA-256 are its device id in EVENT, so that no other client can use it." },
      { name = "token", kind = "blob", doc = "Token of the last WELCOME (32 bytes), or empty for a new session." },
      { name = "name", kind = "text", doc = "Requested user name." },
      { name = "software", kind = "text", doc = "Name and version of the program, for the server's log." },
      { name = "positions", kind = "list", record = "Position", doc = "When resuming: the position in each room. At most 400." },
    },
  },
  [0x02] = {
    name = "WELCOME", way = "server",
    doc = "Answers HELLO: the session is established and durable.",
    fields = {
      { name = "features", kind = "u32", doc = "Optional features in use on this connection. No features are defined yet." },
      { name = "session", kind = "u64", doc = "Session number, for users and logs. It is not secret." },
      { name = "device", kind = "u64", doc = "The client's device id, as used in EVENT." },
      { name = "time", kind = "u64", clock = true, doc = "The server's clock, in microseconds since 1970-01-01 UTC." },
      { name = "max_frame", kind = "u32", doc = "Largest frame that the server accepts, in bytes." },
      { name = "max_text", kind = "u32", doc = "Longest text that it accepts in SEND, in bytes." },
      { name = "resume_seconds", kind = "u32", doc = "Time for which a lost session can be resumed, in seconds." },
      { name = "resumed", kind = "u8", doc = "1 if the session of HELLO's token was resumed, 0 if this is a new one." },
      { name = "token", kind = "blob", doc = "Resumes this session once: each WELCOME carries a new token." },
      { name = "name", kind = "text", doc = "The user name." },
      { name = "software", kind = "text", doc = "Name and version of the server." },
      { name = "rooms", kind = "list", record = "Membership", doc = "The session's rooms. At most 400." },
    },
  },
  [0x03] = {
    name = "PING", way = "both",
    doc = "Checks that the peer is alive.",
    fields = {
      { name = "time", kind = "u64", doc = "Any number; PONG returns it." },
    },
  },
  [0x04] = {
    name = "PONG", way = "both",
    doc = "Answers PING.",
    fields = {
      { name = "time", kind = "u64", doc = "The number of the PING." },
    },
  },
  [0x05] = {
    name = "ERROR", way = "server",
    doc = "Reports an error or a refusal, with a code for programs and a text for users.",
    fields = {
      { name = "code", kind = "u16", enum = "ErrorCode", doc = "Reason. Below 100, the server closes the connection after this frame." },
      { name = "about", kind = "u8", doc = "Type number of the refused frame, or 0." },
      { name = "reference", kind = "u64", doc = "That frame's `request` or, for SEND, its `counter`; else 0." },
      { name = "text", kind = "text", doc = "What is wrong and what to do, for users." },
      { name = "suggestion", kind = "text", doc = "A name that is free, if a name was refused; else empty." },
    },
  },
  [0x06] = {
    name = "BYE", way = "both",
    doc = "Ends the session: its name becomes free, and it cannot be resumed.",
    fields = {
      { name = "text", kind = "text", doc = "Reason, for users." },
    },
  },
  [0x10] = {
    name = "CREATE", way = "client",
    doc = "Creates a room; its creator is the first member.",
    fields = {
      { name = "request", kind = "u32", doc = "Request number, returned in the answer." },
    },
  },
  [0x11] = {
    name = "JOIN", way = "client",
    doc = "Joins a room.",
    fields = {
      { name = "request", kind = "u32", doc = "Request number, returned in the answer." },
      { name = "log", kind = "u64", doc = "Identity of the log known from an earlier membership, or 0." },
      { name = "after", kind = "u64", doc = "Sequence number of the last event known from that log, or 0." },
      { name = "room", kind = "text", doc = "The room's code, or `lobby`." },
    },
  },
  [0x12] = {
    name = "JOINED", way = "server",
    doc = "Answers CREATE, JOIN and PRIVATE. The other user in a PRIVATE gets it too, with `request` 0.",
    fields = {
      { name = "request", kind = "u32", doc = "Number of the answered request, or 0." },
      { name = "members", kind = "u32", doc = "Number of members." },
      { name = "membership", kind = "list", record = "Membership", doc = "Exactly one: the room and the position to start from." },
    },
  },
  [0x13] = {
    name = "LEAVE", way = "client",
    doc = "Leaves a room.",
    fields = {
      { name = "request", kind = "u32", doc = "Request number, returned in the answer." },
      { name = "room", kind = "text", doc = "The room's code." },
    },
  },
  [0x14] = {
    name = "LEFT", way = "server",
    doc = "Answers LEAVE: no more events of this room follow.",
    fields = {
      { name = "request", kind = "u32", doc = "Number of the answered request, or 0." },
      { name = "room", kind = "text", doc = "The room's code." },
    },
  },
  [0x15] = {
    name = "WHO", way = "client",
    doc = "Requests a page of a room's members.",
    fields = {
      { name = "request", kind = "u32", doc = "Request number, returned in the answer." },
      { name = "room", kind = "text", doc = "The room's code." },
      { name = "after", kind = "text", doc = "Last name of the previous page, or empty." },
    },
  },
  [0x16] = {
    name = "ROSTER", way = "server",
    doc = "Answers WHO with one page of members, sorted by name.",
    fields = {
      { name = "request", kind = "u32", doc = "Number of the answered request." },
      { name = "total", kind = "u32", doc = "Number of members of the room." },
      { name = "more", kind = "u8", doc = "1 if another page follows: send WHO with the last name as `after`; else 0." },
      { name = "room", kind = "text", doc = "The room's code." },
      { name = "members", kind = "list", record = "Member", doc = "The members. At most 500." },
    },
  },
  [0x17] = {
    name = "RENAME", way = "client",
    doc = "Changes the user name. Each of the user's rooms gets an EVENT.",
    fields = {
      { name = "request", kind = "u32", doc = "Request number, returned in the answer." },
      { name = "name", kind = "text", doc = "The new name." },
    },
  },
  [0x18] = {
    name = "RENAMED", way = "server",
    doc = "Answers RENAME.",
    fields = {
      { name = "request", kind = "u32", doc = "Number of the answered request." },
      { name = "name", kind = "text", doc = "The new name." },
    },
  },
  [0x19] = {
    name = "PRIVATE", way = "client",
    doc = "Requests the private room with another user. There is one for each pair of sessions.",
    fields = {
      { name = "request", kind = "u32", doc = "Request number, returned in the answer." },
      { name = "name", kind = "text", doc = "Name of the other user." },
    },
  },
  [0x20] = {
    name = "SEND", way = "client",
    doc = "Sends a message to a room.",
    fields = {
      { name = "counter", kind = "u64", doc = "Number of the message on this device, larger than the one before." },
      { name = "room", kind = "text", doc = "The room's code." },
      { name = "text", kind = "text", doc = "The message, without control characters (except line feed and tab) and noncharacters." },
    },
  },
  [0x21] = {
    name = "EVENT", way = "server",
    doc = "Reports an event in a room. The event is on disk before it is sent.",
    fields = {
      { name = "seq", kind = "u64", doc = "Sequence number in the room, from 1." },
      { name = "time", kind = "u64", clock = true, doc = "The server's clock, in microseconds since 1970-01-01 UTC." },
      { name = "device", kind = "u64", doc = "Device id of the SEND, or 0 for other events." },
      { name = "counter", kind = "u64", doc = "Counter of the SEND, or 0 for other events." },
      { name = "kind", kind = "u8", enum = "EventKind", doc = "Kind of the event." },
      { name = "room", kind = "text", doc = "The room's code." },
      { name = "sender", kind = "text", doc = "Name of the user; for a rename, the old name." },
      { name = "text", kind = "text", doc = "The message; for a rename, the new name; for a leave, the reason." },
    },
  },
  [0x22] = {
    name = "ACK", way = "server",
    doc = "Answers a SEND that the server already has, with the sequence number of its EVENT.",
    fields = {
      { name = "counter", kind = "u64", doc = "Counter of the SEND." },
      { name = "seq", kind = "u64", doc = "Sequence number of its EVENT." },
      { name = "room", kind = "text", doc = "The room's code." },
    },
  },
  [0x23] = {
    name = "HISTORY", way = "client",
    doc = "Requests past events of a room.",
    fields = {
      { name = "request", kind = "u32", doc = "Request number, returned in the answer." },
      { name = "first", kind = "u64", doc = "Sequence number of the first event." },
      { name = "last", kind = "u64", doc = "Sequence number of the last event. At most 1000 events are sent, fewer if they are long." },
      { name = "room", kind = "text", doc = "The room's code." },
    },
  },
  [0x24] = {
    name = "HISTORY_END", way = "server",
    doc = "Ends the EVENTs that answer HISTORY.",
    fields = {
      { name = "request", kind = "u32", doc = "Number of the answered request." },
      { name = "first", kind = "u64", doc = "Sequence number of the first event sent; above `last` if no event was sent." },
      { name = "last", kind = "u64", doc = "Sequence number of the last event sent." },
      { name = "oldest", kind = "u64", doc = "Sequence number of the oldest event that the server keeps of this room." },
      { name = "room", kind = "text", doc = "The room's code." },
    },
  },
}

-- Fields that mean the same wherever they stand.
local COMMON = {
  about = { name = "about", kind = "u8", doc = "The about of any message." },
  away = { name = "away", kind = "u8", doc = "The away of any message." },
  code = { name = "code", kind = "u16", enum = "ErrorCode", doc = "The code of any message." },
  counter = { name = "counter", kind = "u64", doc = "The counter of any message." },
  features = { name = "features", kind = "u32", doc = "The features of any message." },
  first = { name = "first", kind = "u64", doc = "The first of any message." },
  head = { name = "head", kind = "u64", doc = "The head of any message." },
  last = { name = "last", kind = "u64", doc = "The last of any message." },
  log = { name = "log", kind = "u64", doc = "The log of any message." },
  max_frame = { name = "max_frame", kind = "u32", doc = "The max_frame of any message." },
  max_text = { name = "max_text", kind = "u32", doc = "The max_text of any message." },
  more = { name = "more", kind = "u8", doc = "The more of any message." },
  name = { name = "name", kind = "text", doc = "The name of any message." },
  oldest = { name = "oldest", kind = "u64", doc = "The oldest of any message." },
  peer = { name = "peer", kind = "text", doc = "The peer of any message." },
  reference = { name = "reference", kind = "u64", doc = "The reference of any message." },
  request = { name = "request", kind = "u32", doc = "The request of any message." },
  resume_seconds = { name = "resume_seconds", kind = "u32", doc = "The resume_seconds of any message." },
  resumed = { name = "resumed", kind = "u8", doc = "The resumed of any message." },
  room = { name = "room", kind = "text", doc = "The room of any message." },
  sender = { name = "sender", kind = "text", doc = "The sender of any message." },
  seq = { name = "seq", kind = "u64", doc = "The seq of any message." },
  session = { name = "session", kind = "u64", doc = "The session of any message." },
  software = { name = "software", kind = "text", doc = "The software of any message." },
  suggestion = { name = "suggestion", kind = "text", doc = "The suggestion of any message." },
  text = { name = "text", kind = "text", doc = "The text of any message." },
  time = { name = "time", kind = "u64", doc = "The time of any message." },
  total = { name = "total", kind = "u32", doc = "The total of any message." },
}

-- Questions, what answers them, and by which field they belong together.
local QUESTIONS = { [0x01] = "WELCOME", [0x03] = "PONG", [0x06] = "BYE", [0x10] = "JOINED", [0x11] = "JOINED", [0x13] = "LEFT", [0x15] = "ROSTER", [0x17] = "RENAMED", [0x19] = "JOINED", [0x20] = "EVENT", [0x23] = "HISTORY_END" }
local ANSWERS = { [0x02] = "WELCOME", [0x04] = "PONG", [0x06] = "BYE", [0x12] = "JOINED", [0x14] = "LEFT", [0x16] = "ROSTER", [0x18] = "RENAMED", [0x21] = "EVENT", [0x22] = "EVENT", [0x24] = "HISTORY_END" }
local LINKS = { [0x03] = "time", [0x04] = "time", [0x10] = "request", [0x11] = "request", [0x12] = "request", [0x13] = "request", [0x14] = "request", [0x15] = "request", [0x16] = "request", [0x17] = "request", [0x18] = "request", [0x19] = "request", [0x20] = "counter", [0x21] = "counter", [0x22] = "counter", [0x23] = "request", [0x24] = "request" }

-- The noisy link's blocks.
local MARKER, LINK_VERSION = "\026\207\252\029", 1
local LINK_HEADER, LINK_CODED_HEADER = 32, 96
local KINDS = { [1] = "OPEN", [2] = "ACCEPT", [3] = "REFUSE", [4] = "DATA", [5] = "ACK", [6] = "CLOSE", [7] = "CHALLENGE" }
local CODES = { [0] = "uncoded", [1] = "rs:96,32", [2] = "rs:255,251", [3] = "rs:255,239", [4] = "rs:255,223", [5] = "rs:255,191", [6] = "rs:255,127", [7] = "rs:255,127+hamming:7,4", [255] = "the code that OPEN named" }

local HEADER_SIZE, CRC_OFFSET = 16, 12
local SIZES = { u8 = 1, u16 = 2, u32 = 4, u64 = 8, text = 2, blob = 4, list = 2 }

-- Two scripts cannot have one name: if it is installed and also given by -X, the first one counts.
local new, ncp = pcall(Proto, "netchat", "netchat NCP/" .. VERSION)
if not new then return end

ncp.prefs.ports = Pref.range("TCP ports", DEFAULT_PORT, "TCP ports of netchat servers", 65535)
ncp.prefs.heuristic =
  Pref.bool("Other ports too", true, "Recognise netchat by its content on any TCP port")
ncp.prefs.check_crc = Pref.bool("Check CRC", true, "Compute the CRC-32 of every frame")
ncp.prefs.max_frame =
  Pref.uint("Longest frame", MAX_FRAME, "Bytes; a header that announces more is taken for damage")

---------------------------------------------------------------------------------------------------
-- Fields: netchat.<message>.<field>, and netchat.<field> where all messages mean the same by it.

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
register("netchat.skipped", ProtoField.bytes("netchat.skipped", "bytes that are no frame"))
register("netchat.begins", ProtoField.bytes("netchat.begins", "frame that later segments end"))
register("netchat.response_in",
  ProtoField.framenum("netchat.response_in", "Answered in", base.NONE, frametype.RESPONSE))
register("netchat.response_to",
  ProtoField.framenum("netchat.response_to", "Answer to", base.NONE, frametype.REQUEST))
register("netchat.response_time",
  ProtoField.relative_time("netchat.response_time", "Time since the question"))

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
  window = { ProtoField.uint8, base.DEC },
  ack = { ProtoField.uint32, base.DEC },
  echo = { ProtoField.uint24, base.DEC },
  delay = { ProtoField.uint8, base.DEC },
  arrived = { ProtoField.uint32, base.HEX },
  checked = { ProtoField.uint16, base.DEC },
  crc = { ProtoField.uint16, base.HEX },
}) do
  local abbr = "netchat.block." .. name
  register(abbr, field[1](abbr, name, field[2], field[3]))
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
  bad_version = ProtoExpert.new("netchat.bad_version", "A version that is not known here",
    expert.group.PROTOCOL, expert.severity.ERROR),
  unknown_type = ProtoExpert.new("netchat.unknown_type", "A type that NCP does not have",
    expert.group.PROTOCOL, expert.severity.WARN),
  bad_flags = ProtoExpert.new("netchat.bad_flags", "Flags, suite and reserved must be 0",
    expert.group.PROTOCOL, expert.severity.WARN),
  malformed = ProtoExpert.new("netchat.malformed", "The body is not what its type declares",
    expert.group.MALFORMED, expert.severity.ERROR),
  truncated = ProtoExpert.new("netchat.truncated", "The capture has only a part of this frame",
    expert.group.UNDECODED, expert.severity.WARN),
  no_frame = ProtoExpert.new("netchat.no_frame", "These bytes are no frame",
    expert.group.UNDECODED, expert.severity.WARN),
  block_damaged = ProtoExpert.new("netchat.block_damaged",
    "This block's header is damaged; netchat inspect decodes it",
    expert.group.CHECKSUM, expert.severity.NOTE),
  refused = ProtoExpert.new("netchat.refused", "The server says no",
    expert.group.RESPONSE_CODE, expert.severity.NOTE),
}
ncp.experts = {
  e.bad_crc, e.bad_version, e.unknown_type, e.bad_flags, e.malformed, e.truncated, e.no_frame,
  e.block_damaged, e.refused,
}

---------------------------------------------------------------------------------------------------
-- CRC-32 (zlib's). What Lua calls its bit operations depends on its version.

local bits = bit32 or bit
local bxor = bits and bits.bxor or load("return function(a, b) return a ~ b end")()
local band = bits and bits.band or load("return function(a, b) return a & b end")()
local rshift = bits and bits.rshift or load("return function(a, n) return a >> n end")()

local CRC = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    local odd = value % 2 == 1
    value = rshift(value, 1)
    if odd then value = bxor(value, 0xEDB88320) % 0x100000000 end
  end
  CRC[byte] = value
end

local function crc_update(crc, bytes)
  for at = 1, #bytes do
    crc = bxor(rshift(crc, 8), CRC[band(bxor(crc, bytes:byte(at)), 0xFF)]) % 0x100000000
  end
  return crc
end

-- Over the whole frame, its CRC field taken as zero.
local function frame_crc(tvb, at, size)
  local crc = crc_update(0xFFFFFFFF, tvb:raw(at, CRC_OFFSET))
  crc = crc_update(crc, "\0\0\0\0")
  if size > HEADER_SIZE then
    crc = crc_update(crc, tvb:raw(at + HEADER_SIZE, size - HEADER_SIZE))
  end
  return bxor(crc, 0xFFFFFFFF) % 0x100000000
end

---------------------------------------------------------------------------------------------------
-- Text from a peer, for the columns: without what is not displayed, or changes how other text is (see
-- netchat/wire/safe_text.py). Joiners and variation selectors stay behind what is not ASCII: emoji and
-- many scripts need them. The tree escapes all of them by itself.

local HIDDEN = {
  { 0x0, 0x1F }, { 0x7F, 0x9F }, { 0xAD, 0xAD }, { 0x34F, 0x34F }, { 0x600, 0x605 },
  { 0x61C, 0x61C }, { 0x6DD, 0x6DD }, { 0x70F, 0x70F }, { 0x890, 0x891 }, { 0x8E2, 0x8E2 },
  { 0x115F, 0x1160 }, { 0x17B4, 0x17B5 }, { 0x180B, 0x180F }, { 0x200B, 0x200F },
  { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0x3164, 0x3164 }, { 0xFDD0, 0xFDEF },
  { 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF }, { 0xFFA0, 0xFFA0 }, { 0xFFF0, 0xFFFB },
  { 0xFFFE, 0xFFFF }, { 0x110BD, 0x110BD }, { 0x110CD, 0x110CD }, { 0x13430, 0x1343F },
  { 0x1BCA0, 0x1BCA3 }, { 0x1D173, 0x1D17A }, { 0xDFFFE, 0xE0FFF },
}

local function hidden(point)
  if point % 0x10000 >= 0xFFFE then return true end
  for _, range in ipairs(HIDDEN) do
    if point <= range[2] then return point >= range[1] end
  end
  return false
end

local function clean(text)
  local before = 0
  return (text:gsub("[%z\1-\127\194-\244][\128-\191]*", function(char)
    local point = char:byte()
    if point >= 0xF0 then point = point % 8
    elseif point >= 0xE0 then point = point % 16
    elseif point >= 0xC0 then point = point % 32 end
    for at = 2, #char do point = point * 64 + char:byte(at) % 64 end
    local joins = point == 0x200C or point == 0x200D or point == 0xFE0E or point == 0xFE0F
    local shown = (joins and before >= 0x80) or not hidden(point)
    before = shown and not joins and point or 0
    return shown and char or "?"
  end))
end

---------------------------------------------------------------------------------------------------
-- Questions and answers, by the connection, what links them, and when they came. What belongs
-- together is found when a packet is seen for the first time, and looked up from then on.

local exchanges = {} -- key -> list of {question = {number, time}, answer = {number, time}}
local devices = {} -- connection -> device id, from its WELCOME
local servers = {} -- connection -> the server's end, from a message that only one side sends
local carries = {} -- connection -> "frames", or "blocks" of a noisy link

function ncp.init()
  exchanges, devices, servers, carries = {}, {}, {}, {}
end

-- Its two ends, the same for both directions. (The field tcp.stream would tell two connections
-- between the same ports apart, but has no value while Wireshark reads a file for the first time.)
local function connection(pinfo)
  local src = tostring(pinfo.src) .. " " .. pinfo.src_port
  local dst = tostring(pinfo.dst) .. " " .. pinfo.dst_port
  return src < dst and src .. " " .. dst or dst .. " " .. src, src, dst
end

-- The exchange that a message belongs to: what kind of answer the question has, and its number.
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
  if number == EVENT then
    -- An echo is an event of this connection's own device; if the capture has no WELCOME, of any.
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

---------------------------------------------------------------------------------------------------
-- A body. Fields are added as far as they can be read; the first that cannot be is named.

local function add_common(tree, field, range, value)
  local common = COMMON[field.name] and f["netchat." .. field.name]
  if common then
    local item = value and tree:add(common, range, value) or tree:add(common, range)
    item:set_hidden(true)
  end
end

local function clock(value)
  local seconds = math.floor(value:tonumber() / 1e6)
  if seconds <= 0 or seconds > 4e9 then return "" end -- no date, or none of this age
  local micros = value:tonumber() - seconds * 1e6
  return (" (%s.%06d UTC)"):format(os.date("!%Y-%m-%d %H:%M:%S", seconds), micros)
end

-- Returns the offset behind the last field, or nil and what is wrong.
local function add_fields(tvb, at, stop, tree, prefix, fields, values)
  for _, field in ipairs(fields) do
    local abbr = prefix .. "." .. field.name
    local size = SIZES[field.kind]
    if at + size > stop then
      return nil, ("%s needs %d bytes, but only %d are left"):format(field.name, size, stop - at)
    end
    local range = tvb(at, size)
    if field.kind == "list" then
      local count = range:uint()
      local branch = tree:add(f[abbr], range)
      local start = at
      at = at + size
      for index = 0, count - 1 do
        local item = branch:add(tvb(at, 0), ("%s[%d]"):format(field.name, index))
        local first, problem = at, nil
        at, problem = add_fields(tvb, at, stop, item, abbr, RECORDS[field.record], {})
        if not at then return nil, ("%s[%d]: %s"):format(field.name, index, problem) end
        item:set_len(at - first)
      end
      branch:set_len(at - start)
    elseif field.kind == "text" or field.kind == "blob" then
      local length = range:uint()
      if at + size + length > stop then
        return nil, ("%s says it is %d bytes long, but only %d are left"):format(
          field.name, length, stop - at - size)
      end
      range = tvb(at, size + length)
      if field.kind == "text" then
        local value = length > 0 and tvb(at + size, length):string(ENC_UTF_8) or ""
        values[field.name] = value
        tree:add(f[abbr], range, value)
        add_common(tree, field, range, value)
      elseif length > 0 then
        -- Its bytes without their length: that is what a filter compares with.
        tree:add(f[abbr], tvb(at + size, length))
      else
        tree:add(range, field.name .. ": empty")
      end
      at = at + size + length
    else
      values[field.name] = field.kind == "u64" and range:uint64() or range:uint()
      local item = tree:add(f[abbr], range)
      if field.clock then item:append_text(clock(values[field.name])) end
      add_common(tree, field, range)
      at = at + size
    end
  end
  return at
end

-- One line for the packet list.
local function summary(message, values)
  local parts = { message.name }
  for _, field in ipairs(message.fields) do
    local names = ENUMS[field.enum]
    if names then parts[#parts + 1] = names[values[field.name]] end
  end
  for _, name in ipairs({ "room", "seq", "sender", "name" }) do
    local value = values[name]
    if value ~= nil and tostring(value) ~= "" then parts[#parts + 1] = clean(tostring(value)) end
  end
  if values.text and values.text ~= "" then parts[#parts + 1] = '"' .. clean(values.text) .. '"' end
  return table.concat(parts, " ")
end

---------------------------------------------------------------------------------------------------
-- A frame.

-- Whether a frame may begin here, as far as its bytes are there. A new start in the middle of
-- damage must look right in every field; a place where a frame is due, only in what finds its end.
local function may_begin(tvb, at, strict)
  local left = tvb:captured_len() - at
  local raw = tvb:raw(at, math.min(left, 12))
  if raw:sub(1, 2) ~= MAGIC:sub(1, #raw) then return false end
  if strict and left >= 3 and raw:byte(3) ~= VERSION then return false end
  if strict and left >= 4 and not MESSAGES[raw:byte(4)] then return false end
  if strict and left >= 8 and raw:sub(5, 8) ~= "\0\0\0\0" then return false end
  return left < 12 or HEADER_SIZE + tvb(at + 8, 4):uint() <= ncp.prefs.max_frame
end

-- The next place where a frame may begin, or where the bytes end.
local function next_start(tvb, at)
  local raw = tvb:raw(at, tvb:captured_len() - at)
  local from = 1
  while true do
    local found = raw:find(MAGIC, from, true)
    if not found then
      -- The first letter alone may be the beginning of a frame that the next segment goes on with.
      return raw:sub(-1) == MAGIC:sub(1, 1) and #raw > 1 and at + #raw - 1 or at + #raw
    end
    if may_begin(tvb, at + found - 1, true) then return at + found - 1 end
    from = found + 1
  end
end

-- Adds one frame; of its `size` bytes `present` are there. Returns its line for the packet list.
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
    top:add_proto_expert_info(e.truncated, ("%d of %d bytes are here"):format(present, size))
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
  if present < size then return name .. " [cut short]" end
  if at_end and at_end < stop then
    local rest = stop - at_end
    problem = (rest == 1 and "1 byte is" or rest .. " bytes are") .. " left over behind the last field"
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

---------------------------------------------------------------------------------------------------
-- A block of a noisy link (docs/LINK.md): on a stream a marker, then a header in a code of its own,
-- then the payload in another. Of the header's codeword the first bytes are the header itself, so it
-- can be read where none of these is damaged, which its CRC-16 tells. The rest takes decoders:
-- `netchat inspect` has them.

-- Wrong bits with which a marker is taken for one. Fewer than a link takes: here nothing is decoded
-- that would show the mistake.
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

-- The next place where a block begins, perhaps with the first bytes of its marker only, or where the
-- bytes end.
local function next_block(tvb, at)
  local raw = tvb:raw(at, tvb:captured_len() - at)
  for from = 1, #raw do
    local begins = #raw - from + 1 < #MARKER and raw:sub(from) == MARKER:sub(1, #raw - from + 1)
    if begins or marker_at(raw, from) then return at + from - 1 end
  end
  return at + #raw
end

-- CRC-16/IBM-3740 (polynomial 0x1021, begun with ones): 0 behind a header that is whole.
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

-- Adds the header at `at`, which is whole. Returns what the block is, for the packet list.
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

-- Adds one block, of which `size` bytes are there. Returns its line for the packet list.
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

-- Whether a connection over TCP is a link: it is what it was seen to begin with.
local function is_link(tvb, pinfo)
  local ends = connection(pinfo)
  if not carries[ends] then
    local begins_block = marker_at(tvb:raw(0, math.min(#MARKER, tvb:captured_len())), 1)
    carries[ends] = begins_block and "blocks" or may_begin(tvb, 0, true) and "frames" or nil
  end
  return carries[ends] == "blocks"
end

-- A segment of a link: blocks, perhaps behind the rest of one that an earlier segment began. A header
-- that goes on in the next segment is waited for; for the end of a block there is no need to.
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

---------------------------------------------------------------------------------------------------
-- A piece of a TCP stream: blocks, or whole frames and then perhaps the beginning of one.

local function show(lines, pinfo)
  if #lines == 0 then return end
  pinfo.cols.protocol:set("NCP")
  -- One packet may end a frame of earlier ones and hold others: then this is called for each.
  pinfo.cols.info:clear()
  pinfo.cols.info:append(table.concat(lines, "; ") .. "  ")
  pinfo.cols.info:fence()
end

function ncp.dissector(tvb, pinfo, tree)
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
      local item = tree:add(ncp, tvb(start, at - start), "netchat NCP, no frame")
      item:add(f["netchat.skipped"], tvb(start, at - start))
      item:add_proto_expert_info(e.no_frame)
      lines[#lines + 1] = ("[%d bytes that are no frame]"):format(at - start)
    else
      local size = left >= HEADER_SIZE and HEADER_SIZE + tvb(at + 8, 4):uint() or HEADER_SIZE
      if size > left and not cut and pinfo.can_desegment > 0 then
        -- Shown here too: of a frame whose length is wrong the rest never comes.
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

local function recognise(tvb, pinfo, tree)
  if not ncp.prefs.heuristic or tvb:captured_len() < HEADER_SIZE then return false end
  local raw = tvb:raw(0, #MARKER)
  local block = marker_at(raw, 1) and readable(tvb, #MARKER)
  if not block and not may_begin(tvb, 0, true) then return false end
  pinfo.conversation = ncp
  ncp.dissector(tvb, pinfo, tree)
  return true
end

ncp:register_heuristic("tcp", recognise)

-- Over UDP a datagram is a block, without a marker.
local datagram = Proto("netchat_udp", "netchat NCP over a link over UDP")

function datagram.dissector(tvb, pinfo, tree)
  local captured = tvb:captured_len()
  -- Shorter than a header is no block, unless the capture has cut it.
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
local ports = nil

local function use_ports()
  if ports == ncp.prefs.ports then return end
  if ports and ports ~= "" then
    tcp_port:remove(ports, ncp)
    udp_port:remove(ports, datagram)
  end
  ports = ncp.prefs.ports
  if ports and ports ~= "" then
    tcp_port:add(ports, ncp)
    udp_port:add(ports, datagram)
  end
end

function ncp.prefs_changed()
  use_ports()
end

use_ports()

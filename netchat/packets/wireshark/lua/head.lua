-- Wireshark's dissector for NCP, the protocol of netchat.
--
-- Written by `netchat wireshark write` from the declarations in netchat/wire/messages.py; a change
-- made here would be lost. It is installed by `netchat wireshark install`, or tried without that:
--
--   tshark -X lua_script:netchat.lua -r chat.pcapng
--
-- Works with Wireshark 3.6 and later (Lua 5.2 to 5.4).

--@SPEC@

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

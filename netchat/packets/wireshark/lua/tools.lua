---------------------------------------------------------------------------------------------------
-- CRC-32 (zlib's). The names of Lua's bit operations depend on its version.

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

-- Covers the whole frame, with a CRC field of zero.
local function frame_crc(tvb, at, size)
  local crc = crc_update(0xFFFFFFFF, tvb:raw(at, CRC_OFFSET))
  crc = crc_update(crc, "\0\0\0\0")
  if size > HEADER_SIZE then
    crc = crc_update(crc, tvb:raw(at + HEADER_SIZE, size - HEADER_SIZE))
  end
  return bxor(crc, 0xFFFFFFFF) % 0x100000000
end

---------------------------------------------------------------------------------------------------
-- Text from a peer, for the columns: without characters that are invisible or change how other text is
-- displayed (see netchat/wire/safe_text.py). Joiners and variation selectors are kept after non-ASCII
-- characters, since emoji and many scripts need them. Wireshark's tree escapes all of them itself.

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

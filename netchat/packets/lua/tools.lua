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
-- Text from somebody else, for the columns: no control, bidi or zero-width characters (see
-- netchat/chat/text.py). The tree escapes them by itself.

local function clean(text)
  text = text:gsub("[%z\1-\31\127]", "?"):gsub("\194[\128-\159]", "?"):gsub("\216\156", "?")
  text = text:gsub("\226\128[\139\142\143\168-\174]", "?"):gsub("\226\129[\160-\169]", "?")
  return (text:gsub("\239\187\191", "?"))
end

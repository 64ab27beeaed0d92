---------------------------------------------------------------------------------------------------
-- A body. Fields are added up to the first that cannot be read, which is named.

local function add_common(tree, field, range, value)
  local common = COMMON[field.name] and f["netchat." .. field.name]
  if common then
    local item = value and tree:add(common, range, value) or tree:add(common, range)
    item:set_hidden(true)
  end
end

local function clock(value)
  local seconds = math.floor(value:tonumber() / 1e6)
  if seconds <= 0 or seconds > 4e9 then return "" end -- not a plausible date
  local micros = value:tonumber() - seconds * 1e6
  return (" (%s.%06d UTC)"):format(os.date("!%Y-%m-%d %H:%M:%S", seconds), micros)
end

-- Returns the offset after the last field, or nil and the problem.
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
        return nil, ("the length of %s is %d bytes, but only %d are left"):format(
          field.name, length, stop - at - size)
      end
      range = tvb(at, size + length)
      if field.kind == "text" then
        local value = length > 0 and tvb(at + size, length):string(ENC_UTF_8) or ""
        values[field.name] = value
        tree:add(f[abbr], range, value)
        add_common(tree, field, range, value)
      elseif length > 0 then
        -- The bytes without their length, for use in filters.
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

-- Returns a line for the packet list.
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

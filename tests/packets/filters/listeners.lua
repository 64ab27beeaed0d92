-- Writes the numbers of the packets that match each of many display filters, in one run of tshark.
-- The listeners are made when the file is opened: only then are the fields of other scripts known.
local out = io.open(os.getenv("FILTERS_OUT"), "w")
local helper = Proto("filter_helper", "filters under test")
local done = false
function helper.dissector() end
function helper.init()
  if done then return end
  done = true
  local index = -1
  for line in io.lines(os.getenv("FILTERS_IN")) do
    index = index + 1
    local number = index
    local good, tap = pcall(Listener.new, "frame", line)
    if good then
      tap.packet = function(pinfo) out:write(number, " ", pinfo.number, "\n") end
    else
      out:write(number, " refused\n")
    end
  end
end
register_postdissector(helper)
local last = Listener.new("frame")
function last.packet() end
function last.draw() out:flush() end

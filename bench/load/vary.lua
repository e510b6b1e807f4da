-- Bodies for wrk, no two alike: `wrk -s vary.lua URL -- FILE`.
-- FILE holds one body a line, with @CALL@ where the id of the call belongs; each request gets an id of its own.
local next_thread = 0

function setup(thread)
  thread:set("thread_number", next_thread)
  next_thread = next_thread + 1
end

function init(arguments)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["x-interactly-secret"] = "bench"
  bodies = {}
  for line in io.lines(arguments[1]) do
    local first, last = string.find(line, "@CALL@", 1, true)
    bodies[#bodies + 1] = { string.sub(line, 1, first - 1), string.sub(line, last + 1) }
  end
  sent = 0
end

function request()
  sent = sent + 1
  local parts = bodies[sent % #bodies + 1]
  return wrk.format(nil, nil, nil, parts[1] .. string.format("WC-%04x-%08x", thread_number, sent) .. parts[2])
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %f, "failed": %d}\n', summary.requests, summary.duration / 1e6, failed
  ))
end

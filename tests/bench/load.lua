-- For wrk: one request again and again, and what came of it as a line of JSON.
wrk.method = "POST"
wrk.headers["Content-Type"] = os.getenv("LOAD_TYPE")
local length = os.getenv("LOAD_HEADER")
if length ~= "" then
    wrk.headers["Inference-Header-Content-Length"] = length
end
local file = assert(io.open(os.getenv("LOAD_BODY"), "rb"))
wrk.body = file:read("*a")
file:close()

done = function(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format(
        '\n{"median": %f, "slow": %f, "requests": %d, "lasted": %f, "failed": %d}\n',
        latency:percentile(50), latency:percentile(99), summary.requests, summary.duration, failed
    ))
end

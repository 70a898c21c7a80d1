-- For wrk: sixteen requests in one write, before any of their responses came.
init = function()
  batch = string.rep(wrk.format("GET"), 16)
end

request = function()
  return batch
end

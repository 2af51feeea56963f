-- Drives an editor as a user does: starts a second Neovim, types into it and asks what it shows.
-- Steps come as JSON in $STEPS, answers go to the file $ANSWERS.

local child = vim.fn.jobstart({ vim.v.progpath, "--embed", "--headless", "-u", "NONE", "-i", "NONE" }, {
  rpc = true,
})
local function lua(code)
  return vim.rpcrequest(child, "nvim_exec_lua", code, {})
end
lua(("vim.o.runtimepath = %q .. ',' .. vim.o.runtimepath"):format(vim.env.PLUGIN))
lua("vim.o.swapfile = false; vim.o.columns = 150; vim.o.lines = 50")

local answers = {}
local ok, why = pcall(function()
  for _, step in ipairs(vim.fn.json_decode(vim.env.STEPS)) do
    local kind, code = step[1], step[2]
    if kind == "type" then
      vim.rpcrequest(child, "nvim_input", code)
    elseif kind == "lua" then
      lua(code)
    elseif kind == "get" then
      table.insert(answers, lua("return " .. code))
    else
      local there = vim.wait(60000, function() return lua("return not not (" .. code .. ")") end, 20)
      if not there then
        error("never: " .. code .. "\n" .. lua("return vim.fn.execute('messages')"))
      end
    end
  end
end)
vim.fn.writefile({ vim.fn.json_encode({ answers = answers, error = not ok and tostring(why) or nil }) }, vim.env.ANSWERS)
vim.fn.jobstop(child)
vim.cmd("qa!")

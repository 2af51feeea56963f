-- Code search by meaning, in Neovim 0.7 or newer: questions into the quickfix list, answers as they
-- are typed, and code like the selected code. Needs the command `c2llm`; see docs/editors.md.
--
--   :C2llm where are retries backed off     answers in the quickfix list
--   :C2llm                                  the same, as you type, with a preview
--   :'<,'>C2llm                             code like the selected lines
--   :C2llmSimilar                           code like the function that the cursor is in

local M = {}

M.config = {
  command = { "c2llm" }, -- the program, with leading arguments if need be
  arguments = {}, -- of each question, such as { "--model", "c2llm-nano" }
  results = 20,
  delay = 150, -- milliseconds without a key before a question is asked while it is typed
  height = 12, -- of the list while a question is typed
}

local running = nil -- the process of the latest question; an older one is stopped

--- One line of trouble; never a pile of them.
local function complain(text)
  local line = vim.trim((text or ""):match("[^\r\n]+") or "")
  vim.api.nvim_echo({ { "c2llm: " .. (line ~= "" and line or "it failed"), "WarningMsg" } }, true, {})
end

--- The directory that is asked: the repository around the file that is shown, else the working one.
function M.root(buffer)
  local name = vim.api.nvim_buf_get_name(buffer or 0)
  local ordinary = vim.bo[buffer or 0].buftype == "" and not name:match("^%a+://")
  local here = (ordinary and name ~= "") and vim.fn.fnamemodify(name, ":p:h") or vim.fn.getcwd()
  while vim.fn.isdirectory(here) == 0 and vim.fn.fnamemodify(here, ":h") ~= here do
    here = vim.fn.fnamemodify(here, ":h") -- a file that is not written yet
  end
  local folder = here
  while true do
    local mark = folder .. "/.git"
    if vim.fn.isdirectory(mark) == 1 or vim.fn.filereadable(mark) == 1 then
      return folder
    end
    local above = vim.fn.fnamemodify(folder, ":h")
    if above == folder then
      return here
    end
    folder = above
  end
end

--- Lines of `path:line:column:text` as entries of a quickfix list.
function M.entries(lines, root)
  local found = {}
  for _, line in ipairs(lines) do
    local path, number, column, text = line:match("^(.-):(%d+):(%d+):(.*)$")
    if path then
      local whole = path:match("^/") or path:match("^%a:[/\\]")
      table.insert(found, {
        filename = vim.fn.fnamemodify(whole and path or (root .. "/" .. path), ":."),
        lnum = tonumber(number),
        col = tonumber(column),
        text = vim.trim(text),
      })
    end
  end
  return found
end

local function stop()
  if running then
    local job = running
    running = nil
    vim.fn.jobstop(job)
  end
end

--- Run `c2llm` in a directory without waiting; `done(lines)` gets its answer, if it is still wanted.
local function run(words, root, done, input)
  stop()
  local out, err, job = { "" }, { "" }, nil
  local function collect(into)
    return function(_, data)
      into[#into] = into[#into] .. data[1] -- the pieces of a line that came in parts
      for index = 2, #data do
        table.insert(into, data[index])
      end
    end
  end
  local command = vim.list_extend(vim.deepcopy(M.config.command), words)
  local started, why = pcall(function()
    job = vim.fn.jobstart(command, {
      cwd = root,
      stdin = input and "pipe" or "null",
      on_stdout = collect(out),
      on_stderr = collect(err),
      on_exit = vim.schedule_wrap(function(id, code)
        if running ~= id then
          return -- a newer question has been asked
        end
        running = nil
        if code ~= 0 then
          local told = table.concat(err, "\n")
          complain(("\n" .. told):match("\nError: ([^\n]+)") or told)
        else
          done(out)
        end
      end),
    })
  end)
  if not started or not job or job <= 0 then
    running = nil
    local missing = vim.fn.executable(M.config.command[1]) == 0
    complain(missing and (M.config.command[1] .. " is not on the PATH; pip install c2llm") or why)
    return
  end
  running = job
  if input then
    vim.fn.chansend(job, input)
    vim.fn.chanclose(job, "stdin")
  end
end

local function words_of(verb, tail)
  local words = { verb, "--vimgrep", "-k", tostring(M.config.results) }
  vim.list_extend(words, M.config.arguments)
  return vim.list_extend(words, tail)
end

--- Put answers into the quickfix list and go to the first one.
local function to_quickfix(title, entries)
  vim.fn.setqflist({}, " ", { title = title, items = entries })
  if #entries == 0 then
    vim.cmd("cclose")
    complain("no result")
    return
  end
  vim.cmd("botright copen")
  vim.cmd("cfirst")
end

--- Ask a question; the answers come into the quickfix list when they are there.
function M.search(query)
  local root = M.root()
  run(words_of("search", { "--", query }), root, function(lines)
    to_quickfix("c2llm " .. query, M.entries(lines, root))
  end)
end

--- Look for code like lines of this buffer, as they are in it, saved or not.
function M.similar(first, last)
  local root = M.root()
  local lines = vim.api.nvim_buf_get_lines(0, first - 1, last, false)
  local title = ("c2llm like %s:%d-%d"):format(vim.fn.expand("%:t"), first, last)
  run(words_of("similar", { "--in", root, "--", "-" }), root, function(found)
    to_quickfix(title, M.entries(found, root))
  end, table.concat(lines, "\n") .. "\n")
end

--- Look for code like the function around a line of this file, as it was saved.
function M.similar_here(line)
  local file, root = vim.api.nvim_buf_get_name(0), M.root()
  if file == "" or vim.bo.modified then
    return M.similar(math.max(1, line - 15), line + 15)
  end
  local place = file .. ":" .. line
  run(words_of("similar", { "--in", root, "--", place }), root, function(found)
    to_quickfix("c2llm like " .. place, M.entries(found, root))
  end)
end

-- As you type ---------------------------------------------------------------------------------------

local typing = nil -- what is open while a question is typed

--- The syntax of a file by its name; the way to ask has changed between versions.
local function syntax_of(name, buffer)
  local match = vim.filetype and vim.filetype.match
  local ok, found = pcall(match, { filename = name })
  if not ok then
    ok, found = pcall(match, name, buffer)
  end
  return ok and type(found) == "string" and found or ""
end

--- Show an answer in the window that the question was asked from: a copy of the file's lines, so that
--- no swap file, language server or autocommand takes notice.
local function preview(entry)
  if not vim.api.nvim_win_is_valid(typing.window) then
    return
  end
  local lines = {}
  if entry then
    local ok, read = pcall(vim.fn.readfile, entry.filename, "", entry.lnum + 200)
    lines = ok and read or { "(this file cannot be read)" }
    for index, line in ipairs(lines) do
      lines[index] = line:gsub("[%z\n]", " ")
    end
  end
  local buffer = typing.preview
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  if not pcall(vim.api.nvim_win_set_buf, typing.window, buffer) or not entry then
    return
  end
  vim.bo[buffer].syntax = syntax_of(entry.filename, buffer)
  local line = math.max(1, math.min(entry.lnum, #lines))
  vim.api.nvim_win_set_cursor(typing.window, { line, math.max(0, entry.col - 1) })
  vim.api.nvim_buf_clear_namespace(buffer, typing.space, 0, -1)
  vim.api.nvim_buf_add_highlight(buffer, typing.space, "Search", line - 1, 0, -1)
  vim.api.nvim_win_call(typing.window, function() vim.cmd("normal! zz") end)
end

local function draw()
  local lines = {}
  for index, entry in ipairs(typing.entries) do
    local name = vim.fn.fnamemodify(entry.filename, ":.")
    local sign = index == typing.at and "> " or "  "
    local text = ("%s%s:%d  %s"):format(sign, name, entry.lnum, entry.text)
    table.insert(lines, (text:gsub("[%c]", " ")))
  end
  -- The first line is what is typed.
  vim.api.nvim_buf_set_lines(typing.buffer, 1, -1, false, lines)
  preview(typing.entries[typing.at])
end

local function ask()
  local query = vim.trim(vim.api.nvim_buf_get_lines(typing.buffer, 0, 1, false)[1] or "")
  if query == typing.query then
    return
  end
  typing.query = query
  if query == "" then
    stop()
    typing.entries, typing.at = {}, 1
    draw()
    return
  end
  local mine = typing
  run(words_of("search", { "--", query }), typing.root, function(lines)
    if typing == mine and typing.query == query then
      typing.entries, typing.at = M.entries(lines, typing.root), 1
      draw()
    end
  end)
end

--- Close it all; the window shows again what it did, unless that has been wiped out meanwhile.
local function close()
  local mine = typing
  if not mine then
    return
  end
  typing = nil
  stop()
  mine.timer:stop()
  mine.timer:close()
  vim.cmd("stopinsert")
  if vim.api.nvim_win_is_valid(mine.window) then
    if vim.api.nvim_buf_is_valid(mine.from) then
      pcall(vim.api.nvim_win_set_buf, mine.window, mine.from)
    end
    vim.api.nvim_set_current_win(mine.window)
    vim.fn.winrestview(mine.view)
  end
  for _, buffer in ipairs({ mine.buffer, mine.preview }) do
    if vim.api.nvim_buf_is_valid(buffer) then
      vim.api.nvim_buf_delete(buffer, { force = true })
    end
  end
end

local function move(step)
  if #typing.entries > 0 then
    typing.at = (typing.at - 1 + step) % #typing.entries + 1
    draw()
  end
end

local function accept()
  local entries, at, query = typing.entries, typing.at, typing.query
  if #entries == 0 then
    return
  end
  close()
  vim.fn.setqflist({}, " ", { title = "c2llm " .. query, items = entries })
  vim.cmd("cc " .. at)
end

--- Open a line to type a question in: answers below it, the chosen one shown above.
function M.type()
  close()
  local window, from = vim.api.nvim_get_current_win(), vim.api.nvim_get_current_buf()
  local state = {
    window = window,
    from = from,
    view = vim.fn.winsaveview(),
    root = M.root(),
    entries = {},
    at = 1,
    query = "",
    preview = vim.api.nvim_create_buf(false, true),
    space = vim.api.nvim_create_namespace("c2llm"),
    timer = vim.loop.new_timer(),
  }
  vim.cmd("botright " .. M.config.height .. "new")
  local buffer = vim.api.nvim_get_current_buf()
  state.buffer = buffer
  vim.bo[buffer].buftype, vim.bo[buffer].bufhidden, vim.bo[buffer].swapfile = "nofile", "wipe", false
  vim.wo.number, vim.wo.relativenumber, vim.wo.wrap = false, false, false
  vim.wo.winfixheight = true
  typing = state
  local function key(mode, keys, action)
    vim.keymap.set(mode, keys, action, { buffer = buffer, nowait = true })
  end
  for _, keys in ipairs({ "<Down>", "<C-n>", "<Tab>" }) do
    key({ "i", "n" }, keys, function() move(1) end)
  end
  for _, keys in ipairs({ "<Up>", "<C-p>", "<S-Tab>" }) do
    key({ "i", "n" }, keys, function() move(-1) end)
  end
  key({ "i", "n" }, "<CR>", accept)
  key({ "i", "n" }, "<C-c>", function() close() end)
  key("i", "<Esc>", function() close() end)
  key("n", "<Esc>", function() close() end)
  vim.api.nvim_create_autocmd({ "TextChangedI", "TextChanged" }, {
    buffer = buffer,
    callback = function()
      if typing == state then
        state.timer:stop()
        state.timer:start(M.config.delay, 0, vim.schedule_wrap(function()
          if typing == state then
            ask()
          end
        end))
      end
    end,
  })
  vim.api.nvim_create_autocmd("BufWipeout", {
    buffer = buffer,
    callback = vim.schedule_wrap(function()
      if typing == state then
        close()
      end
    end),
  })
  vim.cmd("startinsert")
end

--- Define the commands; `options` change `M.config`.
function M.setup(options)
  M.config = vim.tbl_extend("force", M.config, options or {})
  local define = vim.api.nvim_create_user_command
  define("C2llm", function(given)
    if given.args ~= "" then
      M.search(given.args)
    elseif given.range > 0 then
      M.similar(given.line1, given.line2)
    else
      M.type()
    end
  end, { nargs = "*", range = true, desc = "Ask the repository, or find code like the selection" })
  define("C2llmSimilar", function(given)
    if given.range > 0 then
      M.similar(given.line1, given.line2)
    else
      M.similar_here(given.line1)
    end
  end, { range = true, desc = "Find code like the function here, or like the selection" })
end

return M

// The page: what is typed becomes its address, the address is answered, the answer is shown.
//
// Words answer while one types; when the typing rests, the vectors join in. A newer question ends the
// older one, and an answer is shown only to the question that is asked at that moment (api.js).

import * as address from "./address.js";
import { ApiError, Latest, ask, forgetKey, hasKey, setKey } from "./api.js";
import { byId, copy, count, h, plain } from "./dom.js";
import * as empty from "./empty.js";
import * as file from "./file.js";
import * as results from "./results.js";

const TYPING = 110; // milliseconds without a key until words answer
const EXPLAINED = 5; // results that the server explains at once
const REST = 320; // until the vectors join in
const PATIENCE = 700; // until it is said what takes so long
const POLL = 1500; // between looks at an index that is being made, at first
const LONGEST_POLL = 30_000;
const LINE_BREAK = "\u21b5"; // stands for one in the field, which has one line

const query = byId("query");
const list = byId("results");
const searches = new Latest();
const files = new Latest();
const evidence = new Latest();
const visible = new Set(); // results that are in the window
let here = address.now(); // what the address says
let shown = null; // the answer that is shown, and `text`, which it answers
let opened = null; // the file that is shown
let editing = false; // the text changes, and is no step to go back to yet
let timer = 0;
let polling = 0;
let polls = 0;
let opener = ""; // key of the result whose file was opened, to come back to

// -- the address ------------------------------------------------------------------------------------

function go(next, { push = true, typed = false } = {}) {
  if (address.same(next, here)) return;
  address.keep(next, push);
  arrive(next, { typed });
}

/** Show what an address says. */
function arrive(next, { typed = false } = {}) {
  const before = here;
  here = next;
  if (!typed) {
    editing = false;
    query.value = next.text.replaceAll("\n", LINE_BREAK);
  }
  document.title = title();
  if (next.text !== before.text || shown?.text !== next.text) search({ typed });
  showFile(before);
}

function title() {
  const text = here.text.length > 60 ? `${here.text.slice(0, 60)}…` : here.text;
  return text ? `${text} · c2llm` : "Code search · c2llm";
}

// -- searching --------------------------------------------------------------------------------------

function search({ typed = false } = {}) {
  clearTimeout(timer);
  clearTimeout(polling);
  searches.cancel();
  evidence.cancel();
  const text = here.text;
  if (!text.trim()) {
    startView();
    return;
  }
  document.body.dataset.view = "answers";
  list.setAttribute("aria-busy", "true");
  timer = setTimeout(() => answer(text, { fast: true, rest: typed ? REST : 0 }), typed ? TYPING : 0);
}

async function answer(text, { fast, rest = 0, quietly = false }) {
  const waiting = setTimeout(() => tellProgress(text), PATIENCE);
  const outcome = await searches.ask("/page/search", { text, fast });
  clearTimeout(waiting);
  if (outcome === null || text !== here.text) return;
  if (outcome.error) {
    failed(outcome.error, () => answer(text, { fast, rest }));
    return;
  }
  show(outcome.answer, text, { fast, quietly });
  if (fast) timer = setTimeout(() => answer(text, { fast: false }), rest);
  else {
    editing = false;
    if (outcome.answer.index.unread) {
      polls = quietly ? polls + 1 : 0;
      const wait = Math.min(LONGEST_POLL, POLL * 1.5 ** polls);
      polling = setTimeout(() => answer(text, { fast: false, quietly: true }), wait);
    }
  }
}

function show(told, text, { fast = false, quietly = false } = {}) {
  const focused = document.activeElement?.closest?.(".result")?.dataset.key;
  const unchanged = quietly && shown?.text === text
    && JSON.stringify(shown.answer.results) === JSON.stringify(told.results);
  shown = { text, answer: told, fast, explained: unchanged ? shown.explained : new Set() };
  list.removeAttribute("aria-busy");
  document.body.dataset.view = "answers";
  byId("key-form").hidden = true;
  if (!unchanged) {
    put(told.results, text, { anew: true });
  }
  if (!fast && !quietly) byId("said").textContent = spoken(told);
  notices(told.notes);
  const chips = byId("chips");
  chips.replaceChildren(...results.chips(told.filters));
  chips.hidden = !told.filters.length;
  const facets = byId("facets");
  facets.replaceChildren(...results.facets(told.facets, told.places).flat());
  facets.hidden = !told.facets.length;
  more();
  const none = byId("empty");
  none.hidden = told.results.length > 0 || (fast && !told.wordless);
  if (!none.hidden) none.replaceChildren(...(told.wordless ? empty.wordless() : empty.nothing(told)));
  if (focused) resultOf(focused)?.querySelector("h2 a").focus({ preventScroll: true });
}

/** Show results, after those that are there or instead of them. */
function put(found, text, { anew = false } = {}) {
  const asked = new Map(); // what was asked about results that stay
  if (anew) {
    for (const one of list.children) asked.set(one.dataset.key, one.querySelector(".extra"));
    watcher.disconnect();
    visible.clear();
    list.replaceChildren();
  }
  for (const one of found) {
    const element = results.result(one, text, actions, asked.get(results.keyOf(one)));
    list.append(element);
    watcher.observe(element);
  }
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) visible.add(entry.target);
    else visible.delete(entry.target);
  }
  explain();
});

/** Have the lines that carried the results in the window shaded, some results at a time. */
async function explain() {
  const mine = shown;
  if (!mine || mine.fast || mine.explaining || !mine.answer.results.length) return;
  const all = [...list.children];
  const block = all.map((one, at) => visible.has(one) && Math.floor(at / EXPLAINED))
    .find((one) => one !== false && !mine.explained.has(one));
  if (block === undefined) return;
  mine.explained.add(block);
  mine.explaining = true;
  const outcome = await evidence.ask("/page/search", {
    text: mine.text, explain: true, offset: block * EXPLAINED,
  });
  mine.explaining = false;
  if (outcome === null || shown?.text !== mine.text || !outcome.answer) return;
  for (const one of outcome.answer.results) {
    const element = resultOf(results.keyOf(one));
    if (element) results.explain(element, one, mine.text);
  }
  explain();
}

/** Say what an answer waits for. */
async function tellProgress(text) {
  if (text !== here.text || !list.hasAttribute("aria-busy")) return;
  byId("empty").hidden = true;
  const line = byId("state");
  if (!shown || shown.text !== text) line.textContent = "Searching…";
  try {
    const { reading } = await ask("/page/progress", {});
    if (text !== here.text || !list.hasAttribute("aria-busy")) return;
    const told = Object.entries(reading).map(([name, [done, total]]) =>
      `${name}: ${done.toLocaleString("en")} of ${count(total, "file")}`);
    if (told.length) line.textContent = `The index is being made: ${told.join(", ")}`;
  } catch {
    return; // the search itself tells what is wrong
  }
  polling = setTimeout(() => tellProgress(text), PATIENCE);
}

/** The truth about what is shown, in one line. */
function stateOf(told, fast) {
  if (told.wordless) return "";
  const index = told.index;
  const places = told.places > told.shown_until
    ? `Best ${told.shown_until} of ${count(told.places, "place")}` : count(told.places, "place");
  const left = Object.values(index.left_out).reduce((sum, number) => sum + number, 0);
  return [
    `${places} in ${count(index.files, "file")}`,
    fast ? "by words, vectors follow" : vectors(told),
    index.unread ? `${count(index.unread, "file")} not read yet` : "",
    index.stale ? `${count(index.stale, "file")} changed since` : "",
    left ? `${left.toLocaleString("en")} left out` : "",
    `${(told.took_ms / 1000).toFixed(2)} s`,
  ].filter(Boolean).join(" · ");
}

function vectors({ index, model, table_model: table }) {
  if (index.embedded >= index.chunks) return `all embedded by ${model}`;
  const part = `${index.embedded.toLocaleString("en")} of ${index.chunks.toLocaleString("en")} by ${model}`;
  return table ? `embedded: all by ${table}, ${part}` : `embedded: ${part}`;
}

function spoken(told) {
  if (told.wordless) return "Type a question beside the filters.";
  if (!told.results.length) return "Nothing found.";
  const unread = told.index.unread ? ` ${count(told.index.unread, "file")} not read yet.` : "";
  return `${count(told.places, "place")} found, ${told.shown_until} shown.${unread}`;
}

function notices(sentences, kind = "note") {
  byId("notices").replaceChildren(...sentences.map((one) => h("p", { class: `notice ${kind}` }, one)));
}

function more() {
  byId("more").hidden = !shown.answer.more;
  byId("state").textContent = stateOf(shown.answer, shown.fast);
}

byId("more-button").addEventListener("click", async () => {
  const { text, answer: before } = shown;
  clearTimeout(timer);
  clearTimeout(polling);
  const outcome = await searches.ask("/page/search", {
    text, fast: before.mode === "lexical", offset: before.shown_until,
  });
  if (outcome === null || text !== here.text) return;
  if (outcome.error) {
    failed(outcome.error, () => byId("more-button").click(), { keep: true });
    return;
  }
  const first = outcome.answer.results[0];
  put(outcome.answer.results, text);
  shown.answer = { ...before, results: [...before.results, ...outcome.answer.results], shown_until: outcome.answer.shown_until, more: outcome.answer.more,
    places: Math.max(before.places, outcome.answer.shown_until) };
  more();
  byId("said").textContent = `${count(outcome.answer.results.length, "more place")} shown.`;
  if (first) resultOf(results.keyOf(first))?.querySelector("h2 a").focus();
});

// -- what goes wrong --------------------------------------------------------------------------------

function failed(error, again, { keep = false } = {}) {
  list.removeAttribute("aria-busy");
  byId("empty").hidden = true;
  const form = byId("key-form");
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 401) {
    const wrong = hasKey();
    forgetKey();
    form.hidden = false;
    notices(wrong ? ["This key is not known here."] : [], "bad");
    clear();
    byId("key").focus();
    return;
  }
  if (!keep) clear();
  byId("said").textContent = sentence(error);
  if (error.status === 422 || error.status === 404) {
    notices([]);
    byId("empty").replaceChildren(...empty.refused(error.message));
    byId("empty").hidden = false;
    return;
  }
  notices([sentence(error)], "bad");
  const wait = error.status === 0 ? 3 : error.retryAfter;
  if (wait || error.status === 429 || error.status === 503) {
    timer = setTimeout(again, 1000 * Math.min(60, Math.max(1, wait)));
  }
}

function sentence(error) {
  if (error.status === 0) return "The server does not answer. This page asks again every 3 seconds.";
  if (error.status === 429) return `${error.message} This page asks again by itself.`;
  return error.message;
}

function clear() {
  shown = null;
  list.replaceChildren();
  byId("more").hidden = true;
  byId("facets").hidden = true;
  byId("chips").hidden = true;
  byId("state").textContent = "";
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  byId("key").value = "";
  if (!/^[\x21-\x7e]+$/.test(key)) { // no other characters can be sent in a header
    notices(["This is no key; paste it whole."], "bad");
    byId("key").focus();
    return;
  }
  setKey(key);
  byId("key-form").hidden = true;
  notices([]);
  query.focus();
  search();
  showFile(null);
});

// -- the start --------------------------------------------------------------------------------------

async function startView() {
  clear();
  notices([]);
  list.removeAttribute("aria-busy");
  document.body.dataset.view = "start";
  const outcome = await searches.ask("/page/state", {});
  if (outcome === null || here.text.trim()) return;
  if (outcome.error) {
    failed(outcome.error, startView);
    return;
  }
  const box = byId("empty");
  box.replaceChildren(...empty.start(outcome.answer));
  box.hidden = false;
  if (outcome.answer.repositories.some((one) => one.reading)) {
    polls = Math.min(polls + 1, 8);
    polling = setTimeout(() => { if (!here.text.trim()) startView(); }, POLL * 1.5 ** polls);
  }
}

// -- a file -----------------------------------------------------------------------------------------

async function showFile(before) {
  const wanted = here.file;
  const box = byId("file");
  if (!wanted) {
    files.cancel();
    opened = null;
    box.hidden = true;
    delete document.body.dataset.file;
    if (before?.file) {
      const link = resultOf(opener)?.querySelector("h2 a") ?? list.querySelector("h2 a");
      if (link && !editing) link.focus();
    }
    return;
  }
  if (before?.file && JSON.stringify(before.file) === JSON.stringify(wanted) && opened) return;
  document.body.dataset.file = "";
  box.hidden = false;
  box.setAttribute("aria-busy", "true");
  const outcome = await files.ask("/page/file", wanted);
  if (outcome === null) return;
  box.removeAttribute("aria-busy");
  if (outcome.error) {
    opened = null;
    if (outcome.error.status === 401) failed(outcome.error, () => {});
    box.replaceChildren(...file.failure(outcome.error.message, here.text));
  } else {
    opened = { ...outcome.answer, wanted };
    box.replaceChildren(...file.view(outcome.answer, wanted, here.text, {
      copy: () => copy(placeOf(outcome.answer, wanted.line)),
    }));
    scrollTo({ top: byId("results").checkVisibility() ? scrollY : 0 });
    const [scroller, line] = [box.querySelector(".scroll"), box.querySelector(".line.first")];
    if (line) scroller.scrollTop = Math.max(0, line.offsetTop - scroller.clientHeight / 3);
    byId("said").textContent = `${plain(outcome.answer.shown_name)}, line ${wanted.line} of ${outcome.answer.of_lines}`;
  }
  byId("file-heading").focus({ preventScroll: true });
}

// -- results ----------------------------------------------------------------------------------------

const resultOf = (key) => [...list.children].find((one) => one.dataset.key === key);

/** A place to copy: as it is shown, since a line break in a name would be a command in a terminal. */
const placeOf = (one, line) =>
  `${one.repository ? `${one.repository}/` : ""}${plain(one.shown_folder)}${plain(one.shown_name)}:${line}`;

const actions = {
  copy: (one) => copy(placeOf(one, one.line)),
  callers: (one, box) => open(box, "/page/callers", one, (told) => results.callers(told, here.text)),
  duplicates: (one, box) => open(box, "/page/duplicates", one, (told) => results.duplicates(told, here.text)),
};

/** What is asked about one result, under it; the same button takes it away again. */
async function open(box, route, one, elements) {
  if (box.dataset.route === route) {
    delete box.dataset.route;
    box.replaceChildren();
    return;
  }
  box.dataset.route = route;
  box.replaceChildren(h("p", { class: "waiting" }, "Looking…"));
  const { repository = "", place, symbol } = one;
  const [start, end] = one.definition ?? [one.start_line, one.end_line];
  try {
    const told = await ask(route, { repository, place, symbol, start_line: start, end_line: end });
    if (box.dataset.route === route) box.replaceChildren(...elements(told));
  } catch (error) {
    if (error.status === 401) {
      failed(error, () => {});
      return;
    }
    if (box.dataset.route === route) box.replaceChildren(h("p", { class: "notice bad" }, error.message));
  }
  byId("said").textContent = box.textContent.slice(0, 200);
}

/** The result that the keys are about: the one with the focus, else that of the open file. */
function current() {
  const focused = document.activeElement?.closest?.(".result");
  if (focused) return focused;
  return here.file ? resultOf(opener) : undefined;
}

function step(by) {
  const all = [...list.children];
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  const link = next.querySelector("h2 a");
  if (here.file) {
    opener = next.dataset.key;
    go(linked(link), { push: false });
  } else {
    link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
}

/** Where a link leads; those of files and back from them leave the text as it is. */
function linked(link) {
  const next = address.read(link);
  const stays = link.hasAttribute("data-open") || link.hasAttribute("data-stay");
  return stays ? { ...next, text: here.text } : next;
}

function resultData(element) {
  return shown?.answer.results.find((one) => results.keyOf(one) === element?.dataset.key);
}

// -- events -----------------------------------------------------------------------------------------

query.addEventListener("input", () => {
  const push = !editing;
  editing = true;
  const text = query.value.replaceAll(LINE_BREAK, "\n");
  if (address.same({ text, file: null }, here)) return;
  go({ text, file: null }, { push, typed: true });
});

query.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!/[\r\n]/.test(text.trim())) return;
  event.preventDefault();
  const pasted = text.trim().replaceAll(/\r\n?|\n/g, LINE_BREAK);
  query.setRangeText(pasted, query.selectionStart, query.selectionEnd, "end");
  query.dispatchEvent(new Event("input"));
});

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  editing = false;
  search();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-open], a[data-go]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const around = link.closest(".result");
  if (around) opener = around.dataset.key;
  const next = linked(link);
  go(next);
  if (!next.file) query.focus({ preventScroll: true });
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const help = byId("help");
  if (help.open) return; // the dialog has Esc, and nothing else is meant
  const field = event.target.closest?.("input, textarea");
  if (event.key === "Escape") {
    if (field === query) {
      event.preventDefault(); // Chromium would empty the field
      query.blur();
    } else if (here.file) {
      go({ ...here, file: null });
    } else document.activeElement?.blur?.();
    return;
  }
  if (field) {
    if (field === query && event.key === "ArrowDown" && list.children.length) {
      event.preventDefault();
      list.querySelector("h2 a").focus();
    }
    return;
  }
  const at = current();
  const link = at?.querySelector("h2 a");
  const place = here.file && opened ? placeOf(opened, opened.wanted.line) : null;
  switch (event.key) {
    case "/": query.focus(); query.select(); break;
    case "?": showHelp(); break;
    case "j": step(1); break;
    case "k": step(-1); break;
    case "Enter":
      if (event.target !== document.body || !link) return; // a link or a button does it itself
      link.click();
      break;
    case "o": {
      const href = here.file ? address.write(here) : link?.href;
      if (href) window.open(href, "_blank", "noopener");
      break;
    }
    case "y": {
      const one = resultData(at);
      if (place) copy(place);
      else if (one) actions.copy(one);
      break;
    }
    default: return;
  }
  event.preventDefault();
});

function showHelp() {
  byId("help").showModal();
}

byId("help-open").addEventListener("click", showHelp);
byId("help-close").addEventListener("click", () => byId("help").close());
byId("help").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close(); // beside it
});

window.addEventListener("popstate", () => arrive(address.now()));

query.value = here.text.replaceAll("\n", LINE_BREAK);
document.title = title();
search();
showFile(null);

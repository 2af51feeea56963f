// Results, as elements.

import { write } from "./address.js";
import { count, h, path, pieces, plain } from "./dom.js";

const SMALL = 0.005; // of a score: less would read 0.00
const FACETS = { repo: "Repository", lang: "Language", path: "Folder" };

export const keyOf = (one) => `${one.repository}\n${one.place}\n${one.start_line}-${one.end_line}`;

/** The address of the file of a result, with its lines. */
export function fileOf(one) {
  return {
    repository: one.repository ?? "",
    place: one.place,
    line: one.line ?? one.start_line,
    end: one.end_line ?? one.line,
  };
}

/** Lines of code with their numbers, which are links; `hrefOf` gives the address of a line. */
export function code(lines, label, hrefOf) {
  return h("div", { class: "code", role: "group", "aria-label": label, translate: "no", dir: "ltr" },
    lines.map((one) => h("div", { class: "line", "data-line": one.line, "data-shade": one.shade || undefined },
      h("a", {
        class: "number", href: hrefOf(one.line), "data-open": "", tabindex: "-1",
        "data-number": one.line, "aria-label": `Line ${one.line}`,
      }),
      h("code", null, pieces(one.pieces)))));
}

/** What is asked about a result is shown in this, under it. */
export const extraBox = () => h("div", { class: "extra" });

/** One result. `actions` has what its buttons do: `copy`, `callers`, `duplicates`. */
export function result(one, text, actions, extra = extraBox()) {
  const href = write({ text, file: fileOf(one) });
  const id = `result-${one.rank}`;
  const symbol = plain(one.shown_symbol);
  const lines = one.end_line > one.start_line ? `${one.start_line}–${one.end_line}` : `${one.start_line}`;
  return h("li", { class: "result", "data-key": keyOf(one) },
    h("article", { "aria-labelledby": id },
      h("header", { class: "head" },
        h("h2", { id },
          h("a", { href, "data-open": "", "data-rank": `${one.rank}` },
            symbol
              ? h("span", { class: "symbol", translate: "no" }, pieces(one.shown_symbol))
              : h("span", { class: "symbol", translate: "no" }, pieces(one.shown_name)),
            h("span", { class: "where" },
              one.repository ? h("span", { class: "repository" }, one.repository, " ") : null,
              path(one), h("span", { class: "lines" }, `:${lines}`)))),
        h("p", { class: "tags" },
          [one.kind, one.language, one.cell ? `cell ${one.cell}` : ""].filter(Boolean)
            .map((tag) => h("span", { class: "tag" }, tag)))),
      codeOf(one, text),
      one.measured ? h("p", { class: "also" }, one.measured.join("; ")) : null,
      elsewhere(one, text),
      also(one, text),
      h("div", { class: "foot" },
        why(one.why, one.score),
        h("div", { class: "actions" },
          button("Copy place", () => actions.copy(one), `Copy the place of ${symbol || plain(one.shown_name)}`),
          one.like ? h("a", { class: "quiet", href: write({ text: one.like }), "data-go": "" }, "More like this") : null,
          one.symbol ? button("Callers", () => actions.callers(one, extra), `Callers of ${symbol}`) : null,
          button("Duplicates", () => actions.duplicates(one, extra), `Duplicates of ${symbol || plain(one.shown_name)}`, "duplicates"))),
      extra));
}

const codeOf = (one, text) => code(
  one.code, `Code of ${plain(one.shown_symbol) || plain(one.shown_name)}`,
  (line) => write({ text, file: { ...fileOf(one), line, end: line } }));

/** Put the evidence into a result that is shown. */
export function explain(element, one, text) {
  element.querySelector(".code").replaceWith(codeOf(one, text));
  const before = element.querySelector(".why");
  const told = why(one.why, one.score);
  if (before.open) told.open = true;
  if (one.duplicates) {
    const asks = element.querySelector(".duplicates");
    asks.textContent = `Duplicates ${one.duplicates}`;
    asks.setAttribute("aria-label", `Duplicates ${one.duplicates}, of ${plain(one.shown_symbol) || plain(one.shown_name)}`);
  }
  const focused = before.contains(document.activeElement);
  before.replaceWith(told);
  if (focused) told.querySelector("summary")?.focus({ preventScroll: true });
}

function button(text, onclick, label, name = "") {
  return h("button", { class: `quiet ${name}`.trim(), type: "button", onclick, "aria-label": label }, text);
}

function elsewhere(one, text) {
  if (!one.places?.length) return null;
  const shown = one.places.slice(0, 3);
  const more = one.other_places - shown.length;
  return h("p", { class: "also" }, `The same file in ${one.other_places} other place${one.other_places > 1 ? "s" : ""}: `,
    shown.map((other, at) => [at ? ", " : "", place({ ...other, start_line: one.start_line, end_line: one.end_line }, text, one)]),
    more ? `, and ${more} more` : "");
}

function also(one, text) {
  if (!one.also?.length) return null;
  const shown = one.also.slice(0, 4);
  const more = one.also.length - shown.length;
  return h("p", { class: "also" }, "Near copies: ",
    shown.map((copy, at) => [at ? ", " : "", place(copy, text, one)]),
    more ? `, and ${more} more` : "");
}

/** A link to a place that is not a result of the list; beside a result it names another repository. */
export function place(one, text, beside = one) {
  const elsewhere = (one.repository ?? "") !== (beside.repository ?? "");
  const line = one.start_line ?? one.line;
  return h("a", { href: write({ text, file: fileOf({ ...one, line, end_line: one.end_line ?? line }) }), "data-open": "" },
    elsewhere ? h("span", { class: "repository" }, `${one.repository} `) : null, path(one), line ? `:${line}` : "");
}

function why(told, score) {
  const reasons = (told.reasons ?? []).join(" · ") || "near in meaning";
  const parts = partsOf(told.parts ?? []);
  const words = (told.words ?? []).filter((word) => word.score > 1e-6);
  if (!parts.length) return h("p", { class: "why" }, h("span", { class: "label" }, "Why "), reasons);
  const most = Math.max(...parts.map((part) => Math.abs(part.score)));
  const strongest = Math.max(...words.map((word) => word.score), 1e-9);
  return h("details", { class: "why" },
    h("summary", null, h("span", { class: "label" }, "Why "), reasons),
    h("table", { class: "parts" },
      h("caption", null, `What its score of ${score.toFixed(2)} is made of`),
      h("tbody", null, parts.map((part) => h("tr", null,
        h("th", null, named(part)),
        h("td", { class: "meter" }, h("meter", {
          max: "1", value: `${Math.abs(part.score) / most}`, "aria-hidden": "true",
          class: part.score < 0 ? "against" : "for",
        })),
        h("td", { class: "figure" }, `${part.score < 0 ? "−" : "+"}${Math.abs(part.score).toFixed(2)}`))))),
    words.length
      ? h("p", { class: "words" }, "Words: ", words.slice(0, 12).map((word) => h("span", {
        class: "word", "data-weight": `${Math.ceil((3 * word.score) / strongest)}`,
      }, word.word)))
      : null);
}

/** The parts of a score, the largest first, and those that would read 0.00 as one. */
function partsOf(parts) {
  const large = parts.filter((part) => Math.abs(part.score) >= SMALL)
    .sort((one, other) => Math.abs(other.score) - Math.abs(one.score));
  const small = parts.filter((part) => Math.abs(part.score) < SMALL && part.score);
  const sum = small.reduce((score, part) => score + part.score, 0);
  return small.length ? [...large, { name: `${small.length} others`, of: "", score: sum }] : large;
}

/** What a part of a score is called. */
function named(part) {
  if (part.name === "word") return ["the word ", h("b", null, part.of)];
  return (part.of || part.name).replaceAll("_", " ");
}

/** Who uses a definition, and what stands around its file. */
export function callers(around, text) {
  const calls = around.callers.filter((use) => use.kind === "calls");
  const uses = around.callers.filter((use) => use.kind !== "calls");
  const list = (title, found) => found.length
    ? h("div", null, h("h3", null, title), h("ul", null, found.map((one) => h("li", null, place(one, text),
      one.symbol ? h("span", { class: "in" }, ` in ${one.symbol}`) : null))))
    : null;
  const all = [
    list("Called by", calls), list("Used by", uses),
    list("Its file is imported by", around.imported_by), list("Its file imports", around.imports),
  ].filter(Boolean);
  return all.length ? all : [h("p", null, "No indexed file uses it by its name.")];
}

const TYPES = {
  1: "the same code", 2: "the same code but for names", 3: "nearly the same code", 4: "code that does the same",
};

/** The class of duplicates of a result. */
export function duplicates(told, text) {
  const found = told.class;
  if (!found) return [h("p", null, "No other place in its repository has this code.")];
  return [h("div", null,
    h("h3", null, `${count(found.members.length, "place")} with ${TYPES[found.type]}, ${Math.round(found.similarity * 100)} % alike`),
    h("ul", null, found.members.map((member) => h("li", null, place(member, text),
      member.symbol ? h("span", { class: "in" }, ` ${member.symbol}`) : null))))];
}

/** The facets, each value a link to the text that has or has not got it. */
export function facets(list, places) {
  return [
    h("p", { class: "among" }, `Counted over ${count(places, "place")}`),
    list.map((facet) => h("section", { "aria-label": FACETS[facet.name] },
      h("h2", null, FACETS[facet.name]),
      h("ul", null, facet.values.map((value) => h("li", { class: value.chosen ? "chosen" : undefined },
        h("a", {
          class: "value", href: write({ text: value.text }), "data-go": "",
          "aria-current": value.chosen ? "true" : undefined,
          title: value.chosen ? "Remove this filter" : undefined,
        }, h("bdi", null, value.value), h("span", { class: "count" }, `${value.count}`)),
        value.chosen ? null : h("a", {
          class: "without", href: write({ text: value.without }), "data-go": "",
          "aria-label": `Leave out ${value.value}`, title: `Leave out ${value.value}`,
        }, "−")))))),
  ];
}

export function chips(list) {
  return list.map((chip) => h("li", null, h("a", {
    class: chip.excludes ? "chip without" : "chip", href: write({ text: chip.text }), "data-go": "",
    "aria-label": `Remove the filter ${chip.excludes ? "-" : ""}${chip.name}:${chip.value}`,
  }, h("span", { class: "name" }, `${chip.excludes ? "not " : ""}${chip.name}`),
  h("bdi", null, chip.value), h("span", { "aria-hidden": "true", class: "cross" }, "×"))));
}

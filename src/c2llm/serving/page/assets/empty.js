// What is shown where there are no results, and why there are none.

import { write } from "./address.js";
import { count, h } from "./dom.js";

const EXAMPLES = [
  "where are retries backed off",
  "parse a config file lang:python",
  "open a connection -path:tests",
];

/** The page before anything is typed. */
export function start(state) {
  if (!state.repositories.length) {
    return [
      h("h2", null, "There is no repository yet"),
      h("p", null, "Start the server with one: ", h("code", null, "c2llm serve PATH"),
        ". If your key is for some repositories alone, none of them is here."),
    ];
  }
  return [
    h("h2", { class: "hero" }, "Ask your code"),
    h("p", { class: "lead" }, "Say what it does, name it, or paste what you have: an error, a line, a function."),
    h("ul", { class: "examples", "aria-label": "Examples" }, EXAMPLES.map((text) => h("li", null,
      h("a", { href: write({ text }), "data-go": "" }, text)))),
    h("h3", null, count(state.repositories.length, "repository", "repositories")),
    h("ul", { class: "repositories" }, state.repositories.map((one) => h("li", null,
      h("bdi", { class: "name", translate: "no" }, one.name),
      h("span", { class: "about" }, about(one))))),
  ];
}

/** What is known of an index without a look at its tree. */
function about(one) {
  if (one.reading) return `being read, ${one.reading[0].toLocaleString("en")} of ${count(one.reading[1], "file")} so far`;
  if (!one.indexed) return "not indexed yet; the first search does it";
  const languages = Object.keys(one.languages ?? {}).slice(0, 3).join(", ");
  return [count(one.files, "file"), languages].filter(Boolean).join(" · ");
}

/** Nothing was found. */
export function nothing(answer) {
  const filters = answer.filters;
  const index = answer.index;
  if (!index.files && index.unread) {
    return [
      h("h2", null, "The index is being made"),
      h("p", null, `${count(index.unread, "file")} still to read. Answers come as soon as the first are there.`),
    ];
  }
  if (!index.files && !answer.notes.length) {
    return [h("h2", null, "Nothing is indexed here"), h("p", null, "The repository holds no text that is searched.")];
  }
  return [
    h("h2", null, "Nothing found"),
    h("p", null, filters.length
      ? `Among ${count(index.files, "file")}, none that the filters leave answers this.`
      : `Among ${count(index.files, "file")}, none answers this.`),
    filters.length
      ? h("p", null, h("a", { href: write({ text: answer.bare }), "data-go": "" }, "Search without the filters"))
      : null,
  ].filter(Boolean);
}

/** What the server does not answer, in its words. */
export function refused(message) {
  return [h("h2", null, "Nothing to answer from"), h("p", null, message)];
}

/** Filters alone are no question. */
export function wordless() {
  return [
    h("h2", null, "And what are you looking for?"),
    h("p", null, "The filters say where to look. Type a question, a name or some words beside them."),
  ];
}

// A file, with the hit in its place.

import { write } from "./address.js";
import { count, h, path, plain } from "./dom.js";
import { code } from "./results.js";

/** The view of a file; `wanted` is the place of the address. */
export function view(told, wanted, text, actions) {
  const hrefOf = (line) => write({ text, file: { ...wanted, line, end: line } });
  const last = told.start_line + told.code.length - 1;
  const listing = code(told.code, `Lines of ${plain(told.shown_name)}`, hrefOf);
  for (const line of listing.children) {
    const number = Number(line.dataset.line);
    if (number >= wanted.line && number <= wanted.end) line.classList.add("hit");
    if (number === wanted.line) line.classList.add("first");
    if (number === wanted.end) line.classList.add("last");
  }
  const part = (title, from) => h("a", { class: "quiet", href: write({ text, file: { ...wanted, line: from, end: from } }), "data-open": "" }, title);
  return [
    h("header", { class: "file-head" },
      h("h2", { id: "file-heading", tabindex: "-1" },
        told.repository ? h("span", { class: "repository" }, told.repository, " ") : null, path(told)),
      h("p", { class: "file-state" },
        [told.language, count(told.of_lines, "line"), told.state].filter(Boolean).join(" · ")),
      h("div", { class: "actions" },
        h("button", { class: "quiet", type: "button", onclick: actions.copy }, "Copy place"),
        h("a", { class: "quiet", href: write({ text, file: wanted }), target: "_blank", rel: "noopener" }, "New tab"),
        h("a", { class: "quiet back", href: write({ text }), "data-go": "", "data-stay": "" }, "Close"))),
    told.start_line > 1 ? h("p", { class: "cut" }, `Lines 1 to ${told.start_line - 1} are not shown. `, part("Show them", 1)) : null,
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "file-heading" }, listing),
    last < told.of_lines
      ? h("p", { class: "cut" }, `${count(told.of_lines - last, "line")} after this. `, part("Show the next", last + 1))
      : null,
  ].filter(Boolean);
}

/** What is shown where a file cannot be. */
export function failure(message, text) {
  return [
    h("header", { class: "file-head" },
      h("h2", { id: "file-heading", tabindex: "-1" }, "This file cannot be shown"),
      h("p", { class: "file-state" }, message),
      h("div", { class: "actions" }, h("a", { class: "quiet back", href: write({ text }), "data-go": "", "data-stay": "" }, "Close"))),
  ];
}

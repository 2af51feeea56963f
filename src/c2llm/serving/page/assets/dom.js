// Elements from data. Text goes in as text nodes alone: nothing here, nor anywhere else in the page,
// makes markup of a string, and the page's Content-Security-Policy has the browser refuse it too.

const ATTRIBUTES = new Set([
  "class", "href", "id", "type", "role", "title", "tabindex", "for", "value", "max", "hidden",
  "target", "rel", "translate", "dir", "open",
]);

/** An element. `attributes` may have names of ATTRIBUTES, `aria-*`, `data-*` and `onEVENT` functions. */
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (ATTRIBUTES.has(key) || /^(aria|data)-[a-z-]+$/.test(key)) {
      element.setAttribute(key, value === true ? "" : value);
    } else throw new Error(`no attribute of this page: ${key}`);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Pieces `[class, text]` as spans; what has no class is a text node. */
export function pieces(list) {
  return list.map(([kind, text]) => {
    if (!kind) return document.createTextNode(text);
    const title = kind === "u" ? "A character that is not seen, written out" : undefined;
    return h("span", { class: kind, title }, text);
  });
}

/** A path, its folder paler than its name; each written from left to right whatever it holds. */
export function path(where) {
  return h("bdi", { class: "path", dir: "ltr", translate: "no" },
    h("span", { class: "folder" }, pieces(where.shown_folder)),
    h("span", { class: "name" }, pieces(where.shown_name)));
}

export const plain = (list) => list.map(([, text]) => text).join("");

/** "1 file", "2 files", "1,200 files". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

let hiding;
/** Say something for some seconds. */
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, 2500);
}

/** Copy text; where the browser does not let us, select it for the user to copy. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied ${text}`);
  } catch {
    const field = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    field.value = text;
    const before = document.activeElement;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus({ preventScroll: true });
    toast(done ? `Copied ${text}` : `Not copied; here it is: ${text}`);
  }
}

// The state of the page is its address, so that it can be shared, and gone back to.
//   ?q=TEXT                              answers
//   ?q=TEXT&repo=R&file=PLACE&line=N     a file beside them; PLACE is percent-encoded bytes
// A long paste is more than servers and chats take of an address: it is kept in the history alone.

const LONG = 4000;

export const isLong = (text) => text.length > LONG;

/** @returns {{text: string, file: null | {repository: string, place: string, line: number, end: number}}} */
export function read(location = window.location) {
  const found = new URLSearchParams(location.search);
  const place = found.get("file");
  const [line, end] = (found.get("line") ?? "").split("-").map((part) => Number(part) || 0);
  return {
    text: found.get("q") ?? "",
    file: place
      ? { repository: found.get("repo") ?? "", place, line: line || 1, end: end || line || 1 }
      : null,
  };
}

export function write({ text, file }) {
  const parts = new URLSearchParams();
  if (text && !isLong(text)) parts.set("q", text);
  if (file) {
    if (file.repository) parts.set("repo", file.repository);
    parts.set("file", file.place);
    parts.set("line", file.end > file.line ? `${file.line}-${file.end}` : `${file.line}`);
  }
  const written = parts.toString();
  return written ? `/?${written}` : "/";
}

export const same = (one, other) => one.text === other.text && write(one) === write(other);

/** The state that is at this moment, from the address and the history. */
export function now() {
  const found = read();
  const kept = history.state?.text;
  return !found.text && typeof kept === "string" ? { ...found, text: kept } : found;
}

/** Make a state that of the address. */
export function keep(next, push) {
  const state = isLong(next.text) ? { text: next.text } : null;
  if (push) history.pushState(state, "", write(next));
  else history.replaceState(state, "", write(next));
}

// The state of the page is its address, so that it can be shared, and gone back to.
//   ?q=TEXT                              answers
//   ?q=TEXT&repo=R&file=PLACE&line=N     a file beside them; PLACE is percent-encoded bytes

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
  if (text) parts.set("q", text);
  if (file) {
    if (file.repository) parts.set("repo", file.repository);
    parts.set("file", file.place);
    parts.set("line", file.end > file.line ? `${file.line}-${file.end}` : `${file.line}`);
  }
  const written = parts.toString();
  return written ? `/?${written}` : "/";
}

export const same = (one, other) => write(one) === write(other);

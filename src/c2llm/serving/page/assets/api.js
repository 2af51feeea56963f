// Questions to the server, with the key of this tab where it wants one.

const KEY = "c2llm.key";

export class ApiError extends Error {
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status; // 0 where the server cannot be reached
    this.retryAfter = retryAfter; // seconds
  }
}

export function setKey(key) {
  sessionStorage.setItem(KEY, key);
}

export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** The answer to a question, or an ApiError; an AbortError where `signal` says so. */
export async function ask(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, {
      method: "POST", headers, signal, body: JSON.stringify(body), cache: "no-store",
      credentials: "omit", redirect: "error",
    });
    if (response.ok) return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer.");
  }
  let message = `The server answers with the status ${response.status}.`;
  try {
    message = (await response.json()).error.message;
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  throw new ApiError(response.status, message, Number(response.headers.get("Retry-After")) || 0);
}

/** Asks one question at a time: a newer one ends the older, whose answer is never handed out. */
export class Latest {
  #number = 0;
  #controller = null;

  /** Whatever is asked now is answered no more. */
  cancel() {
    this.#number += 1;
    this.#controller?.abort();
    this.#controller = null;
  }

  /** `{answer}` or `{error}`; null where a newer question, or `cancel`, has come in between. */
  async ask(path, body) {
    this.cancel();
    const number = this.#number;
    this.#controller = new AbortController();
    let outcome;
    try {
      outcome = { answer: await ask(path, body, this.#controller.signal) };
    } catch (error) {
      outcome = { error };
    }
    return number === this.#number ? outcome : null;
  }
}

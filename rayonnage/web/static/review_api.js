// The review's API, with its errors as sentences.

import { root, say } from "./review_words.js";

const TIMEOUT_MS = 20_000;

/**
 * A request that was not served: `status` 0 where the server cannot be reached; `retriable`: the same request may be
 * served later.
 */
export class NotServed extends Error {
  constructor(status, sentence, waitS = null) {
    super(sentence);
    this.status = status;
    this.waitS = waitS;
  }

  get retriable() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Calls `/v1/review`, for the predictions that the page began with. */
export class ReviewApi {
  constructor(predictions) {
    this.predictions = predictions;
  }

  async get(place, query = {}) {
    return this.#call(place, query, {});
  }

  async post(place, body) {
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return this.#call(place, {}, options);
  }

  /** Others may have what was before this page; sent even though the page goes away. */
  release(held) {
    const body = JSON.stringify({ held });
    const headers = { "Content-Type": "application/json" };
    fetch(this.#link("/release", {}), { method: "POST", headers, body, keepalive: true }).catch(() => {});
  }

  #link(place, query) {
    const asked = new URLSearchParams(query);
    if (this.predictions) asked.set("predictions", this.predictions);
    return `${root}v1/review${place}?${asked}`;
  }

  async #call(place, query, options) {
    const answer = await served(this.#link(place, query), options);
    const whole = await answer.json();
    // newer predictions may come while the page is open: it stays with those that it began with
    this.predictions ||= whole.progress?.predictions ?? whole.predictions ?? "";
    return whole;
  }
}

/** A response that is one; otherwise a `NotServed`. */
export async function served(link, options = {}) {
  let response;
  try {
    response = await fetch(link, { signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new NotServed(0, say(error.name === "TimeoutError" ? "too_slow" : "unreachable"));
  }
  if (response.ok) return response;
  // what the API says of tokens is for programs
  if (response.status === 401) throw new NotServed(401, say("signed_out"));
  const problem = await response.json().catch(() => null);
  const sentence = problem?.detail || problem?.title || say("refused", { status: response.status });
  throw new NotServed(response.status, sentence, Number(response.headers.get("Retry-After")) || null);
}

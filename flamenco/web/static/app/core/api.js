/** Asking the manager: one way to send a request, one kind of error, and whether the manager is there at all. */

import { signal } from "./lib.js";
import { BASE } from "./place.js";
import { strings } from "./strings.js";

const TIMEOUT_MS = 30_000;
const NO_CONTENT = 204;

/** Whether the manager answered when it was asked last. */
export const isConnected = signal(true);

/** What the manager said of a request that came to nothing; `status` is 0 when it said nothing. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** What went wrong, for people to read. @param {unknown} error */
export const textOf = (error) => (error instanceof Error ? error.message : `${error}`);

/** @typedef {Record<string, string | number | boolean | string[] | null | undefined>} Query */

/**
 * The address of an operation.
 * @param {string} path below `/api/`, such as `x/jobs`
 * @param {Query} [query] what is null, undefined or empty is left out
 */
export function address(path, query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat())
      if (each !== null && each !== undefined && each !== "") params.append(name, `${each}`);
  }
  const text = params.toString();
  return `${BASE}api/${path}${text ? `?${text}` : ""}`;
}

/**
 * Send a request, and give its answer. Throws `ApiError`.
 * @param {string} method
 * @param {string} path
 * @param {{query?: Query, body?: unknown, signal?: AbortSignal | undefined}} [how]
 */
export async function send(method, path, { query, body, signal: stop } = {}) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  /** @type {RequestInit} */
  const request = { method, signal: stop ? AbortSignal.any([stop, timeout]) : timeout };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers = { "Content-Type": "application/json" };
  }
  let answer;
  try {
    answer = await fetch(address(path, query), request);
  } catch (error) {
    if (stop?.aborted) throw error;
    isConnected.value = false;
    throw new ApiError(0, strings.connection.none);
  }
  // A proxy says this of a manager that is away.
  isConnected.value = ![502, 504].includes(answer.status);
  if (!answer.ok) throw new ApiError(answer.status, await messageOf(answer));
  return answer;
}

/** @param {Response} answer */
async function messageOf(answer) {
  const text = await answer.text().catch(() => "");
  try {
    return JSON.parse(text).message ?? text;
  } catch {
    return text || `${answer.status} ${answer.statusText}`;
  }
}

/**
 * What an operation answers, as JSON.
 * @template T
 * @param {string} path
 * @param {Query} [query]
 * @param {AbortSignal} [stop]
 * @returns {Promise<T>}
 */
export async function get(path, query, stop) {
  const answer = await send("GET", path, { query: query ?? {}, signal: stop });
  return answer.status === NO_CONTENT ? /** @type {T} */ (null) : answer.json();
}

/**
 * Have something done; what comes of it, if anything.
 * @template T
 * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<T>}
 */
export async function change(method, path, body) {
  const answer = await send(method, path, { body });
  const text = await answer.text();
  return /** @type {T} */ (text ? JSON.parse(text) : undefined);
}

// lite's answers made equal to PostgREST's where a client would notice (supabase.md 8.2, faults c, d and h).

import { markedNumbers, unmarkNumbers } from "./types.mjs";

const OBJECT = "application/vnd.pgrst.object+json";

/** An answer that must undo its transaction. */
export class Refusal extends Error {
  constructor(response) {
    super("refused");
    this.response = response;
  }
}

/** Check and shape an answer while its transaction can still be undone.
 *
 * Throws Refusal when the answer is an error.
 */
export async function finish(response, request) {
  if (response.status >= 400) throw new Refusal(response);
  const wantsObject = request.headers.accept?.includes(OBJECT);
  if (wantsObject && response.body && !response.headers.get("content-type")?.includes(OBJECT)) {
    return unwrapped(response);
  }
  return response;
}

/** Take the one row out of its array, or refuse like PostgREST (PGRST116). */
async function unwrapped(response) {
  const text = await response.text();
  const rows = JSON.parse(text);
  if (!Array.isArray(rows)) return withBody(response, text);
  if (rows.length === 1) return withBody(response, JSON.stringify(rows[0]), `${OBJECT}; charset=utf-8`);
  const details = `The result contains ${rows.length} rows`;
  const message = "Cannot coerce the result to a single JSON object";
  const body = JSON.stringify({ code: "PGRST116", details, hint: null, message });
  const headers = { "content-type": "application/json; charset=utf-8" };
  throw new Refusal(new Response(body, { status: 406, headers }));
}

function withBody(response, body, contentType) {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  if (contentType) headers.set("content-type", contentType);
  return new Response(body, { status: response.status, headers });
}

/** Apply what needs no transaction: exact numbers, headers PostgREST sends or does not send. */
export async function polished(response, request, markedBefore) {
  if (response.status === 401) response.headers.set("www-authenticate", "Bearer");
  if (!request.headers.prefer?.includes("return=headers-only")) response.headers.delete("location");
  if (markedBefore === markedNumbers() || !response.body) return response;
  return withBody(response, unmarkNumbers(await response.text()));
}

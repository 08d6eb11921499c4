// What the database layer must know about the HTTP request it is working for.

import { AsyncLocalStorage } from "node:async_hooks";

const storage = new AsyncLocalStorage();

/** Run `work` with `request` as the current one. */
export const withRequest = (request, work) => storage.run(request, work);

/** Return the request of the running work, or undefined outside of one. */
export const currentRequest = () => storage.getStore();

/** Return the names and values PostgREST sets for every transaction (claims in both spellings, role, request). */
export function sessionSettings(request, auth, rpc) {
  const role = auth?.role || "anon";
  return [
    ["role", role],
    ["request.jwt.claims", JSON.stringify(auth?.jwt ?? { role })],
    ["request.jwt.claim.sub", String(auth?.uid ?? "")],
    ["request.jwt.claim.role", role],
    ["request.method", request.method],
    ["request.path", request.path],
    ["request.headers", JSON.stringify(request.headers)],
    ["response.status", ""],
    ["response.headers", ""],
    ["statement_timeout", role === "anon" ? "3s" : "8s"], // supabase.md 6
    ["transaction_read_only", rpc?.readOnly || request.method === "GET" || request.method === "HEAD" ? "on" : "off"],
  ];
}

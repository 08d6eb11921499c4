// The Data API and Auth of the sandbox: @supabase/lite's App on a database that is already there.
//
// Settings come as one JSON object in the environment variable SANDBOX_DATA_API: {url, jwtSecret, siteUrl, poolSize,
// maxRows, jwtExpirySeconds}. One JSON line on standard output says it is ready and where; it ends when its standard
// input closes, so it cannot outlive its parent.

import { createServer } from "node:http";
import { performance } from "node:perf_hooks";
import { getRequestListener } from "@hono/node-server";
import { App } from "@supabase/lite";
import { DataApiConnection } from "./connection.mjs";
import { installPlatform } from "./platform.mjs";
import { currentRequest, withRequest } from "./request.mjs";
import { polished } from "./responses.mjs";
import { claimsReader } from "./tokens.mjs";
import { markedNumbers } from "./types.mjs";

const started = performance.now();
const settings = { poolSize: 8, maxRows: 1000, jwtExpirySeconds: 3600, ...JSON.parse(process.env.SANDBOX_DATA_API) };

process.stdin.resume().once("end", () => process.exit(0)).once("error", () => process.exit(0));

// lite prints every error of a request with its trace; only those nobody foresaw are news.
const printError = console.error.bind(console);
console.error = (...parts) => {
  const request = currentRequest();
  if (request) request.errors.push(parts);
  else printError(...parts);
};

const claimsOf = claimsReader(settings.jwtSecret);

/** Keys are the gateway's business: what it passes as apikey is the token of the role or user a request is for. */
async function callerOf(token) {
  const claims = claimsOf(token);
  return claims && { type: claims.role === "service_role" ? "secret" : "publishable", claims };
}

const connection = new DataApiConnection(settings);
const app = new App({
  connection,
  api: { enabled: true, schemas: ["public"], max_rows: settings.maxRows },
  auth: {
    enabled: true,
    jwt_secret: settings.jwtSecret,
    jwt_expiry: settings.jwtExpirySeconds,
    site_url: settings.siteUrl,
    enable_refresh_token_rotation: true, // a token used again, and not just by who missed the answer, ends the session
    email: { enable_confirmations: false },
  },
  options: { server: { apiKeys: { resolver: callerOf }, admin: false, disableStudio: true, disableFallback: true } },
});

/** Answer one request of either API. */
async function answer(incoming) {
  const { pathname } = new URL(incoming.url);
  const headers = Object.fromEntries(incoming.headers);
  const request = { method: incoming.method, path: pathname.replace(/^\/rest\/v1/, ""), headers, role: "anon", errors: [] };
  const markedBefore = markedNumbers();
  const response = await withRequest(request, () => app.fetch(incoming));
  if (response.status >= 500) request.errors.forEach((parts) => printError(request.method, pathname, ...parts));
  return polished(response, request, markedBefore);
}

await installPlatform(connection.driver);
await app.init();
await connection.introspect({ useCache: false });
await connection.driver.listen("pgrst", () => connection.reloadSchema());

const server = createServer({ keepAliveTimeout: 120_000 }, getRequestListener(answer));
server.listen(0, "127.0.0.1", () => {
  const milliseconds = Math.round(performance.now() - started);
  console.log(JSON.stringify({ ready: true, port: server.address().port, milliseconds }));
});

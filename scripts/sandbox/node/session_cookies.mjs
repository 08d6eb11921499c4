// Session cookies by the real @supabase/ssr, as browsers and the app's server make and read them.
//
// Arguments: URL and API key. Line in: {"id", "command", "with": {…}}. Line out: {"id", "data", "error"}.
import {
  createBrowserClient,
  createChunks,
  createServerClient,
  parseCookieHeader,
  serializeCookieHeader,
} from "@supabase/ssr";
import { createInterface } from "node:readline";
import ws from "ws";

console.warn = () => {}; // about Node 20, which the sandbox supports

const [url, key] = process.argv.slice(2);

/** Return a client of the library around a Cookie header, and the list of Set-Cookie headers it will make. */
function around(header, { side = "server", encoding = "base64url", tokensOnly = false, issued = {} }) {
  const setCookies = [];
  const create = side === "browser" ? createBrowserClient : createServerClient;
  const client = create(url, key, {
    cookieEncoding: encoding,
    cookies: {
      encode: tokensOnly ? "tokens-only" : "user-and-tokens",
      getAll: () => parseCookieHeader(header),
      setAll: (list) => list.forEach(({ name, value, options }) => setCookies.push(serializeCookieHeader(name, value, options))),
    },
    global: { fetch: (...request) => issuing(request, issued) },
    realtime: { transport: globalThis.WebSocket ?? ws }, // Node 20 has none of its own
    ...(side === "browser" ? { isSingleton: false, auth: { autoRefreshToken: false } } : {}),
  });
  return { client, setCookies };
}

/** Send a request; what it issues is changed as the test wants it: a token that has expired, say. */
async function issuing(request, issued) {
  const response = await fetch(...request);
  if (!String(request[0]).includes("/auth/v1/token") || !response.ok) return response;
  return Response.json({ ...(await response.json()), ...issued });
}

const commands = {
  // Sign in, and tell the cookies that are set by it.
  async make({ email, password, header = "", ...options }) {
    const { client, setCookies } = around(header, options);
    const { data, error } = await client.auth.signInWithPassword({ email, password });
    if (error) throw error;
    const { access_token, refresh_token } = data.session;
    return { setCookies, access_token, refresh_token };
  },
  // Read cookies as the app's server does: the session in them, and whom the Auth server takes it for.
  async read({ header, ...options }) {
    const { client, setCookies } = around(header, options);
    const { data, error } = await client.auth.getSession();
    if (error) throw error;
    if (!data.session) return { setCookies };
    const { access_token, refresh_token, expires_at } = data.session;
    const told = await client.auth.getUser();
    if (told.error) throw told.error;
    return { setCookies, access_token, refresh_token, expires_at, user: told.data.user.id };
  },
  // Divide a value into cookies.
  chunks: ({ name, value }) => createChunks(name, value).map((chunk) => serializeCookieHeader(chunk.name, chunk.value, {})),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, with: args } = JSON.parse(line);
  try {
    process.stdout.write(JSON.stringify({ id, data: await commands[command](args), error: null }) + "\n");
  } catch (error) {
    process.stdout.write(JSON.stringify({ id, data: null, error: String(error) }) + "\n");
  }
}
process.exit(0);

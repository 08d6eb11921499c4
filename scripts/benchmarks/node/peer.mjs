// The yardstick: the protocol's auth and send_message on Node's `ws`, as a competent team would write it in an afternoon.
// Same checks of the token, same insert through the same Data API, every push encoded once. No compression.
// It has nothing that the bridge is for: no echo, no resume, no limits, no order between overlapping writes.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../sandbox/node/package.json", import.meta.url));
const { WebSocketServer } = require("ws");

const { DATA_API, SECRET_KEY, JWT_SECRET } = process.env;
const headers = { apikey: SECRET_KEY, "Content-Type": "application/json", Prefer: "return=representation" };
const sockets = new Map(); // users.id -> Set of sockets
const members = new Map(); // conversation -> [users.id]

async function rows(path, options = {}) {
  const answer = await fetch(`${DATA_API}/rest/v1/${path}`, { headers, ...options });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

function subject(token) {
  const [head, body, signature] = token.split(".");
  const expected = createHmac("sha256", JWT_SECRET).update(`${head}.${body}`).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "base64url"))) throw new Error("bad signature");
  const claims = JSON.parse(Buffer.from(body, "base64url"));
  if (claims.exp * 1000 < Date.now()) throw new Error("expired");
  return claims.sub;
}

function frame(type, payload, requestId) {
  return JSON.stringify({ type, payload, requestId, timestamp: new Date().toISOString() });
}

async function authenticate(socket, { payload, requestId }) {
  const [user] = await rows(`users?auth_user_id=eq.${subject(payload.token)}`);
  socket.user = user;
  if (!sockets.has(user.id)) sockets.set(user.id, new Set());
  sockets.get(user.id).add(socket);
  socket.send(frame("auth_success", { user: { ...user, email: "", phone: user.phone_number } }, requestId));
}

async function membersOf(id) {
  if (!members.has(id)) {
    const found = [];
    const question = `conversation_participants?conversation_id=eq.${id}&left_at=is.null&select=user_id&order=id`;
    for (let page = [null]; page.length > 0; found.push(...page)) {
      page = await rows(`${question}&offset=${found.length}`); // the Data API gives a thousand rows at most
    }
    members.set(id, found.map((one) => one.user_id));
  }
  return members.get(id);
}

async function send(socket, { payload, requestId }) {
  const people = await membersOf(payload.conversationId);
  if (!people.includes(socket.user.id)) throw new Error("not a member");
  const row = {
    id: randomUUID(),
    conversation_id: payload.conversationId,
    sender_id: socket.user.id,
    encrypted_content: payload.content,
    message_type: "text",
  };
  const [message] = await rows("messages", { method: "POST", body: JSON.stringify(row) });
  const { id, username, display_name, avatar_url } = socket.user;
  message.sender = { id, username, display_name, avatar_url };
  socket.send(frame("message_sent", { message }, requestId));
  const push = Buffer.from(frame("message_received", { message }, randomUUID()));
  for (const person of people) {
    for (const one of sockets.get(person) ?? []) one.send(push, { binary: false });
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 2048 });
const actions = { auth: authenticate, send_message: send };
server.on("connection", (socket) => {
  socket.on("close", () => sockets.get(socket.user?.id)?.delete(socket));
  socket.on("message", async (data) => {
    const command = JSON.parse(data);
    try {
      await actions[command.type](socket, command);
    } catch (error) {
      socket.send(frame("error", { error: String(error), code: "ERROR" }, command.requestId));
    }
  });
});
server.on("listening", () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

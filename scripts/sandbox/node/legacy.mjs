// A legacy client: the real supabase-js, sending exactly what contract/legacy-supabase section 2 records.
// Commands come in as JSON lines on standard input, answers and pushed rows go out as JSON lines.
import { createInterface } from "node:readline";

// The library warns on Node 20, which the sandbox supports.
console.warn = () => {};
const { createClient } = await import("@supabase/supabase-js");
import ws from "ws";

const SENDER = "*,sender:users!messages_sender_id_fkey(id,username,display_name,avatar_url)";
const [url, key, token] = process.argv.slice(2);
const client = createClient(url, key, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: globalThis.WebSocket ?? ws }, // Node 20 has none of its own
  global: { headers: { Authorization: `Bearer ${token}` } },
});
client.realtime.setAuth(token);

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const commands = {
  async send({ row }) {
    return client.from("messages").insert([row]).select(SENDER).single();
  },
  async load({ conversationId }) {
    return client
      .from("messages")
      .select(SENDER)
      .eq("conversation_id", conversationId)
      .is("deleted_at", null)
      .order("created_at", { ascending: true });
  },
  async insert({ table, row }) {
    return client.from(table).insert([row]);
  },
  async subscribe({ conversationId }) {
    const filter = `conversation_id=eq.${conversationId}`;
    const flowing = new Promise((resolve, reject) => {
      client
        .channel(`conversation:${conversationId}`)
        .on("postgres_changes", { event: "INSERT", schema: "public", table: "messages", filter }, (change) =>
          say({ pushed: change.new, at: Date.now() }),
        )
        .on("system", {}, (system) => system.status === "ok" && resolve())
        .subscribe((status, error) => status === "CHANNEL_ERROR" && reject(error ?? new Error(status)));
    });
    await flowing;
    return { data: null, error: null };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...rest } = JSON.parse(line);
  try {
    const { data, error } = await commands[command](rest);
    say({ id, data, error });
  } catch (error) {
    say({ id, data: null, error: { message: String(error) } });
  }
}
process.exit(0);

// Every request of contract/legacy-supabase, sections 2 and 3, by the real supabase-js, one JSON line in, one out.
//
// Arguments: URL and API key. Line in: {"id", "request", "token" or none, "with": {…}}.
// Line out: {"id", "status", "data", "error"}. supabase-js builds the addresses and headers; nothing here does.
import { createClient } from "@supabase/supabase-js";
import { createInterface } from "node:readline";
import ws from "ws";

const SENDER = "*,sender:users!messages_sender_id_fkey(id,username,display_name,avatar_url)";
const WITH_REPLY = `${SENDER},reply_to:messages!messages_reply_to_id_fkey(id,encrypted_content,sender_id)`;
const [url, key] = process.argv.slice(2);

function connect(token) {
  return createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: globalThis.WebSocket ?? ws }, // Node 20 has none of its own
    global: token ? { headers: { Authorization: `Bearer ${token}` } } : {},
  });
}

const requests = {
  // Section 2: the store.
  oldestMessages: (client, { conversation }) =>
    client
      .from("messages")
      .select(SENDER)
      .eq("conversation_id", conversation)
      .is("deleted_at", null)
      .order("created_at", { ascending: true })
      .limit(50),
  replies: (client, { ids }) => client.from("messages").select("id,encrypted_content,sender_id").in("id", ids),
  sendMessage: (client, { row }) => client.from("messages").insert([row]).select(SENDER).single(),
  createdAt: (client, { id }) => client.from("messages").select("created_at").eq("id", id).single(),
  messagesBefore: (client, { conversation, before }) =>
    client
      .from("messages")
      .select(SENDER)
      .eq("conversation_id", conversation)
      .is("deleted_at", null)
      .lt("created_at", before)
      .order("created_at", { ascending: false })
      .limit(50),
  markMessagesAsRead: (client, { rows }) =>
    client.from("message_status").upsert(rows, { onConflict: "message_id,user_id" }),
  setTypingIndicator: (client, { row }) =>
    client.from("typing_indicators").upsert(row, { onConflict: "conversation_id,user_id" }),
  createGroup: (client, args) => client.rpc("create_group_with_default_room", args),
  joinGroupByInvite: (client, args) => client.rpc("join_group_by_invite", args),
  createDirectConversation: (client, args) => client.rpc("create_direct_conversation", args),
  // Section 3: the data-access class.
  getUserProfile: (client, { id }) => client.from("users").select("*").eq("id", id).single(),
  updateUserProfile: (client, { id, changes }) =>
    client.from("users").update(changes).eq("id", id).select().single(),
  getUserConversations: (client, args) => client.rpc("get_user_conversations", args),
  getUserConversationsEnhanced: (client, args) => client.rpc("get_user_conversations_enhanced", args),
  insertMessage: (client, { row }) => client.from("messages").insert(row).select().single(),
  getMessages: (client, { conversation, before }) => {
    const query = client
      .from("messages")
      .select(WITH_REPLY)
      .eq("conversation_id", conversation)
      .order("created_at", { ascending: false })
      .limit(50);
    return before ? query.lt("created_at", before) : query;
  },
  markMessageAsRead: (client, { row }) =>
    client.from("message_status").upsert(row, { onConflict: "message_id,user_id" }),
  updatePresence: (client, { row }) => client.from("user_presence").upsert(row, { onConflict: "user_id" }),
  // What the pages around it do with the Auth server.
  signIn: (client, account) => client.auth.signInWithPassword(account),
  getUser: (client, { of }) => client.auth.getUser(of),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, request, token, with: args } = JSON.parse(line);
  const { status, data, error } = await requests[request](connect(token), args ?? {});
  const told = error && { ...error, message: error.message, status: error.status };
  process.stdout.write(JSON.stringify({ id, status, data, error: told }) + "\n");
}
process.exit(0);

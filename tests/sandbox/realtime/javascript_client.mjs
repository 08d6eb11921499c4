// The real supabase-js under remote control: a JSON command per line of stdin, what it hears as JSON lines on stdout.
// Arguments: the folder whose node_modules to use, the Supabase URL, the API key, the protocol version.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [folder, url, key, vsn] = process.argv.slice(2)
const require = createRequire(`${folder}/package.json`)
const { createClient } = require('@supabase/supabase-js')
const supabase = createClient(url, key, {
  realtime: { vsn, transport: require('ws') },
  auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
})
const channels = new Map()
const tell = (what, fields = {}) => console.log(JSON.stringify({ what, ...fields }))
const readable = (payload) => (payload instanceof ArrayBuffer ? [...new Uint8Array(payload)] : payload)

const commands = {
  subscribe({ name, config = {}, changes = [] }) {
    const channel = supabase.channel(name, { config })
    for (const filter of changes) {
      channel.on('postgres_changes', filter, (change) => tell('change', { name, filter, change }))
    }
    channel.on('broadcast', { event: '*' }, ({ event, payload }) =>
      tell('broadcast', { name, event, payload: readable(payload) }),
    )
    channel.on('system', {}, (payload) => tell('system', { name, payload }))
    if (config.presence) {
      channel.on('presence', { event: 'join' }, ({ key, newPresences }) => tell('join', { name, key, newPresences }))
      channel.on('presence', { event: 'leave' }, ({ key, leftPresences }) => tell('leave', { name, key, leftPresences }))
    }
    channels.set(name, channel)
    channel.subscribe((status, error) => tell('status', { name, status, error: error?.message ?? null }))
  },
  async broadcast({ name, event, payload, bytes }) {
    const body = bytes ? new Uint8Array(bytes).buffer : payload
    tell('sent', { result: await channels.get(name).send({ type: 'broadcast', event, payload: body }) })
  },
  async track({ name, state }) {
    tell('tracked', { result: await channels.get(name).track(state) })
  },
  async untrack({ name }) {
    tell('untracked', { result: await channels.get(name).untrack() })
  },
  async authenticate({ token }) {
    await supabase.realtime.setAuth(token)
    tell('authenticated')
  },
  async leave({ name }) {
    tell('left', { result: await supabase.removeChannel(channels.get(name)) })
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...parameters } = JSON.parse(line)
  await commands[command](parameters)
}
await supabase.removeAllChannels()
process.exit(0)

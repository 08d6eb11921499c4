// PostgreSQL's error states as PostgREST answers them (PostgREST's table "HTTP status codes"; supabase.md 6).

const BY_STATE = {
  "08": 503, "09": 500, "0L": 403, "0P": 403, 23503: 409, 23505: 409, 25006: 405, 25: 500, 28: 403, "2D": 500,
  38: 500, 39: 500, "3B": 500, 40: 500, 42883: 404, "42P01": 404, "42P17": 500, 53400: 500, 53: 503, 54: 500,
  55: 500, "57P01": 503, 57: 500, 58: 500, F0: 500, HV: 500, P0001: 400, P0: 500, XX: 500,
};

/** Return the HTTP status for an SQLSTATE raised while working for `role`. */
export function statusOf(state, role) {
  if (state === "42501") return role === "anon" ? 401 : 403;
  return BY_STATE[state] ?? BY_STATE[state.slice(0, 2)] ?? 400;
}

/** An error in the form that makes lite answer with exactly this status and body. */
class Answer extends Error {
  constructor(status, body) {
    super(JSON.stringify(body));
    this.code = "PGRST";
    this.detail = JSON.stringify({ status, headers: {} });
  }
}

const LITE_ANSWERS_ITSELF = /^(PGRST|PT)/;

/** Turn a driver's error into the answer a PostgREST gives; anything else is returned as it is. */
export function answerFor(error, { role, path }) {
  if (typeof error?.code !== "string" || LITE_ANSWERS_ITSELF.test(error.code)) return error;
  if (!/^[0-9A-Z]{5}$/.test(error.code)) return unreachable(error);
  return new Answer(statusOf(error.code, role), {
    code: error.code,
    message: qualified(error.message, path),
    details: error.detail ?? null,
    hint: error.hint ?? null,
  });
}

/** PostgREST names columns with their table, so PostgreSQL's complaint about an unknown one does too. */
const qualified = (message, path) =>
  message.replace(/^column "([^".]+)" does not exist$/, (_, column) => `column ${path.slice(1)}.${column} does not exist`);

/** The driver lost or could not make its connection: PostgREST says 503 and PGRST000 or PGRST001. */
function unreachable(error) {
  return new Answer(503, {
    code: "PGRST001",
    message: "Database client error. Retrying the connection.",
    details: error.message,
    hint: null,
  });
}

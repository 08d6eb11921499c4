// How PostgreSQL's text values become the JSON a PostgREST would send (supabase.md 8.2, faults a, b and d).

const MARK = "\u0000"; // no PostgreSQL text can contain it, so a marked number cannot be confused with a string
const MARKED_NUMBER = /"\\u0000(-?[0-9.]+)"/g;
let marked = 0;

/** How many numbers were marked so far; unchanged during a request means its body holds none. */
export const markedNumbers = () => marked;

/** Put the digits back that JavaScript's numbers cannot carry. */
export const unmarkNumbers = (body) => body.replace(MARKED_NUMBER, "$1");

/** Return a JSON number that keeps every digit: the number itself, or a marked text to be unmarked in the body. */
function exactNumber(text) {
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  if (String(value) === text) return value;
  marked += 1;
  return MARK + text;
}

const floatingPoint = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
const zonedTimestamp = (text) => plainTimestamp(text).replace(/([+-]\d\d)$/, "$1:00");
const plainTimestamp = (text) => text.replace(" ", "T");
const asText = (value) => (typeof value === "string" ? value : String(value));
const byteaText = (value) => (typeof value === "string" ? value : `\\x${Buffer.from(value).toString("hex")}`);

const type = (oid, parse, serialize = asText) => ({ to: oid, from: [oid], parse, serialize });

/** Driver types for the `postgres` package, laid over those of @supabase/lite. */
export const types = {
  bytea: type(17, (text) => text, byteaText),
  bigint: type(20, exactNumber),
  float4: type(700, floatingPoint),
  float8: type(701, floatingPoint),
  numeric: type(1700, exactNumber),
  timestamp: type(1114, plainTimestamp),
  timestamptz: type(1184, zonedTimestamp),
};

// Who a request is for: the claims of a token the gateway has checked and signed with the shared secret.

import { createHmac, timingSafeEqual } from "node:crypto";

const KEPT = 1000;

/** Return a function from token to claims, or to null for a token not signed with `secret`.
 *
 * Whether it has expired is the gateway's business, which knows how much clocks may differ.
 * lite verifies with WebCrypto on a thread for every request, which costs more than the rest of its work.
 */
export function claimsReader(secret) {
  const known = new Map();
  return (token) => {
    const claims = known.get(token) ?? verified(token, secret);
    if (!claims) return null;
    if (known.size >= KEPT) known.clear();
    known.set(token, claims);
    return claims;
  };
}

function verified(token, secret) {
  const [header, body, signature] = token.split(".");
  const expected = createHmac("sha256", secret).update(`${header}.${body}`).digest();
  const given = Buffer.from(signature ?? "", "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  return JSON.parse(Buffer.from(body, "base64url").toString());
}

// Reads a JSON list of AsyncAPI documents from standard input and prints what the official parser has to say of each.
import { json } from 'node:stream/consumers';

import { Parser } from '@asyncapi/parser';

const parser = new Parser();
const found = [];
for (const text of await json(process.stdin)) {
  const { document, diagnostics } = await parser.parse(text);
  const said = diagnostics.map(({ code, message, path, severity }) => ({ code, message, path: path.join('/'), severity }));
  found.push({ operations: document?.operations().length ?? 0, diagnostics: said });
}
process.stdout.write(JSON.stringify(found));

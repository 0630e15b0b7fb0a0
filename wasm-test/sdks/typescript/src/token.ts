import { readFileSync } from 'node:fs';

/** The token that is valid now. Here, something else keeps the file fresh; it may as well be a call to your provider. */
export function token(): string {
  return readFileSync(process.env.TOKEN_FILE!, 'utf8').trim();
}

/**
 * The subprotocols of a link (RFC 6455 §1.9). A page's WebSocket can send no header of its own, but may name protocols; so a
 * child without headers offers `ganglion.v1` and, beside it, its token as one more name. Only the first is ever answered.
 */
export const LINK_PROTOCOL = 'ganglion.v1';
const TOKEN_PREFIX = 'ganglion.token.';
/** Of a token's 512 bytes in base64url. */
const LONGEST = Math.ceil((512 * 4) / 3);

/** The token that a child offers among its protocols. Undefined: none, more than one, or one that no token can be. */
export function tokenOfProtocols(header: string | undefined): string | undefined {
  const offered = (header ?? '').split(',').map((name) => name.trim());
  const tokens = offered.filter((name) => name.startsWith(TOKEN_PREFIX));
  if (tokens.length !== 1 || !offered.includes(LINK_PROTOCOL)) return undefined;
  const text = tokens[0].slice(TOKEN_PREFIX.length);
  if (text.length > LONGEST || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const token = Buffer.from(text, 'base64url').toString('latin1');
  return /^[\x21-\x7e]{1,512}$/.test(token) ? token : undefined;
}

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { type Actor, GanglionError, NAME_PATTERN } from '@ganglion/core';
import { type Caller, checkBrowser, isLoopback, oneHeader as one, trustInHosts } from './browser.ts';
import { tokenOfProtocols } from './link-protocol.ts';
import { pageOrigins } from './pages.ts';

export type { Caller } from './browser.ts';

/**
 * `viewer` reads; `app` reads, decides and sends feedback, but cannot stop anything; `node` is a child on its link and
 * nothing else; `operator` does everything. An application's token must not be able to kill, a wallboard's to teach, nor
 * a device's to read what others do.
 */
export type Role = 'viewer' | 'app' | 'node' | 'operator';

/**
 * What a call needs: `open` nothing; `data` is deciding and feedback; `control` is an action that people answer for;
 * `link` is that of a child node.
 */
export type Access = 'open' | 'read' | 'data' | 'control' | 'link';

const GRANTS: Readonly<Record<Role, readonly Access[]>> = {
  viewer: ['open', 'read'],
  app: ['open', 'read', 'data'],
  node: ['open', 'link'],
  operator: ['open', 'read', 'data', 'control', 'link'],
};

/** A token as it is kept: its digest, never itself. */
export interface TokenGrant {
  readonly digest: Buffer;
  readonly role: Role;
  /** Who acts, for the audit. */
  readonly name: string;
  /** Of a `node`: the only name that it may speak as; `PREFIX*`: any that begins so. Undefined: any. */
  readonly node?: string | undefined;
}

export interface AuthOptions {
  /** Empty: nobody needs a token, and control actions are taken from this machine only. */
  readonly tokens: readonly TokenGrant[];
  /** Host names, beside localhost and IP addresses, under which this daemon is reached. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins, such as `https://shop.example`, whose pages may link and make data calls, and nothing else. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

export interface Principal {
  readonly name: string;
  readonly role: Role;
  /** The only node that it may speak as on a link; `PREFIX*`: any that begins so. Undefined: any. */
  readonly node?: string | undefined;
}

/** The digest a token is kept and compared as. */
export function tokenGrant(token: string, role: Role, name: string, node?: string): TokenGrant {
  // JSON without a blank would pass for one long token, which nobody knows.
  if (/^[[{]/.test(token))
    throw new GanglionError('invalid_input', 'A token may not begin with [ or {: this looks like JSON', {
      field: 'token',
      mend: 'Write plain text: a token alone, or in a file lines of ROLE NAME TOKEN.',
    });
  if (token.length < 8 || token.length > 512 || !/^[\x21-\x7e]+$/.test(token))
    throw new GanglionError('invalid_input', 'A token must be 8 to 512 visible ASCII characters', {
      field: 'token',
      mend: 'Make one with: openssl rand -hex 32',
    });
  if (!NAME_PATTERN.test(name))
    throw new GanglionError('invalid_input', 'The name of a token’s holder is not a name', {
      field: 'token.name',
      value: name,
      mend: 'Use letters, digits, dot, dash and underscore.',
    });
  if (node !== undefined && !NAME_PATTERN.test(node.replace(/\*$/, '')))
    throw new GanglionError('invalid_input', 'The node that a token is for is not a name', {
      field: 'token.node',
      value: node,
      mend: 'Write node:NAME, with the name that the node is started under, or node:PREFIX* for names that begin so.',
    });
  return { digest: digestOf(token), role, name, node };
}

/** Whether a token for this node, or for names that begin so, is one for that name. */
export function maySpeakAs(node: string | undefined, name: string): boolean {
  if (node === undefined || node === name) return true;
  return node.endsWith('*') && name.startsWith(node.slice(0, -1));
}

/**
 * Tokens from the environment (`GANGLION_TOKEN`, an operator's) and from a file, one a line: `ROLE NAME TOKEN`, or a
 * token alone, which is an operator's. `node:NODE` is the role of a child that may speak as NODE alone,
 * `node:PREFIX*` under names that begin so. Lines that start with # are comments.
 * @throws GanglionError `invalid_input`, naming the line, or both lines of one token, never the token
 */
export function loadTokens(
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): TokenGrant[] {
  const grants: TokenGrant[] = [];
  if (env.GANGLION_TOKEN) grants.push(tokenGrant(env.GANGLION_TOKEN, 'operator', 'operator'));
  if (file === undefined) return grants;
  let text: string;
  try {
    if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
      throw new GanglionError('invalid_input', 'The token file can be read by other users', {
        field: '--token-file',
        value: file,
        mend: `chmod 600 ${file}`,
      });
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof GanglionError) throw cause;
    throw new GanglionError('invalid_input', 'The token file cannot be read', {
      field: '--token-file',
      value: file,
      mend: 'Give the path of a readable file.',
      cause,
    });
  }
  const holders: Holders = new Map(grants.map((grant) => [grant.digest.toString('hex'), { grant, line: 0 }]));
  for (const [index, line] of text.split(/\r?\n/).entries())
    for (const grant of grantOf(line, index + 1)) {
      refuseSecond(grant, index + 1, holders);
      grants.push(grant);
    }
  if (grants.length === 0)
    throw new GanglionError('invalid_input', 'The token file has no token', {
      field: '--token-file',
      value: file,
      mend: 'Write lines such as: operator alice TOKEN',
    });
  return grants;
}

/** Whose each token is, by its digest, and the line that says so; 0: the environment. */
type Holders = Map<string, { readonly grant: TokenGrant; readonly line: number }>;

/** One token for two holders would be that of whichever stands last, whatever was meant. What says the same twice may. */
function refuseSecond(grant: TokenGrant, line: number, holders: Holders): void {
  const digest = grant.digest.toString('hex');
  const other = holders.get(digest);
  if (other === undefined) return void holders.set(digest, { grant, line });
  const { role, name, node } = other.grant;
  if (role === grant.role && name === grant.name && node === grant.node) return;
  throw new GanglionError(
    'invalid_input',
    other.line === 0
      ? `Line ${line} of the token file has the token of GANGLION_TOKEN`
      : `Lines ${other.line} and ${line} of the token file have one token`,
    {
      field: `--token-file:${line}`,
      mend: 'Give everybody a token of their own: openssl rand -hex 32',
    },
  );
}

function grantOf(line: string, number: number): TokenGrant[] {
  const words = line.trim().split(/\s+/);
  if (words[0] === '' || words[0].startsWith('#')) return [];
  if (words.length === 1) return [tokenGrant(words[0], 'operator', 'operator')];
  if (words.length === 3 && Object.hasOwn(GRANTS, words[0]))
    return [tokenGrant(words[2], words[0] as Role, words[1])];
  if (words.length === 3 && words[0].startsWith('node:'))
    return [tokenGrant(words[2], 'node', words[1], words[0].slice('node:'.length))];
  throw new GanglionError('invalid_input', `Line ${number} of the token file is not: ROLE NAME TOKEN`, {
    field: `--token-file:${number}`,
    mend: 'ROLE is viewer, app, node, node:NODE, node:PREFIX* or operator.',
  });
}

/** The checks every call passes, once for all routes. */
export interface Gate {
  /** @throws GanglionError `unauthorized` or `forbidden` */
  admit(caller: Caller, access: Access): Principal;
  /** Whether anybody needs a token. */
  readonly asks: boolean;
  /** What this caller may do; null: his token is not known. Where none is asked for, what his address allows. */
  roleOf(caller: Caller): Role | null;
  /** Origins whose pages may link and make data calls. */
  readonly pages: ReadonlySet<string>;
}

const MENDS: Readonly<Record<Access, string>> = {
  open: '',
  read: 'Use the token of a viewer, an app or an operator.',
  data: 'Use the token of an app or an operator.',
  control: 'Use the token of an operator.',
  link: 'Use the token of a node or an operator.',
};

/** Control actions are people's, taken on the daemon's own page or outside browsers; what can be read is its own page's too. */
const CALLS: Readonly<Record<Access, { readonly guarded: boolean; readonly shared: boolean }>> = {
  open: { guarded: false, shared: false },
  read: { guarded: true, shared: false },
  data: { guarded: true, shared: true },
  control: { guarded: true, shared: false },
  link: { guarded: true, shared: true },
};

const ANYBODY: Principal = Object.freeze({ name: 'local', role: 'operator' });

/** @throws GanglionError `invalid_input`, for an origin that is none */
export function gate(options: AuthOptions): Gate {
  const trusts = trustInHosts(new Set((options.allowedHosts ?? []).map((host) => host.toLowerCase())));
  const pages = pageOrigins(options.allowedOrigins ?? [], 'allowedOrigins');
  const known = { trusts, tokenless: options.tokens.length === 0, pages };
  return {
    pages,
    admit(caller, access) {
      checkBrowser(caller, CALLS[access], known);
      if (access === 'open') return ANYBODY;
      if (options.tokens.length === 0) return withoutTokens(caller, access);
      const principal = authenticate(caller, options.tokens, access === 'link');
      if (!GRANTS[principal.role].includes(access))
        throw new GanglionError(
          'forbidden',
          `${principal.role === 'app' || principal.role === 'operator' ? 'An' : 'A'} ${principal.role} may not do this`,
          {
            field: 'authorization',
            mend: MENDS[access],
          },
        );
      return principal;
    },
    asks: options.tokens.length > 0,
    roleOf(caller) {
      if (options.tokens.length === 0) return isLocal(caller) ? 'operator' : 'app';
      return grantFor(tokenOf(caller, false), options.tokens)?.role ?? null;
    },
  };
}

/** A token in the header; of a link, one among the protocols where the header has none. */
function tokenOf({ headers }: Caller, isLink: boolean): string | undefined {
  const bearer = /^bearer +([\x21-\x7e]{1,512})$/i.exec(one(headers.authorization) ?? '')?.[1];
  return bearer ?? (isLink ? tokenOfProtocols(one(headers['sec-websocket-protocol'])) : undefined);
}

/** Every digest is compared, each in constant time: the time taken says nothing of the tokens. */
function grantFor(token: string | undefined, tokens: readonly TokenGrant[]): TokenGrant | undefined {
  const offered = digestOf(token ?? '');
  let found: TokenGrant | undefined;
  for (const grant of tokens) if (timingSafeEqual(grant.digest, offered)) found = grant;
  return token === undefined ? undefined : found;
}

function authenticate(caller: Caller, tokens: readonly TokenGrant[], isLink: boolean): Principal {
  const token = tokenOf(caller, isLink);
  const found = grantFor(token, tokens);
  if (found === undefined)
    throw new GanglionError(
      'unauthorized',
      token === undefined && one(caller.headers.authorization) === undefined
        ? 'This daemon asks for a token'
        : 'The token is not known here',
      {
        field: 'authorization',
        mend: 'Send "authorization: Bearer TOKEN" (the command takes --token, or GANGLION_TOKEN).',
      },
    );
  return found;
}

function withoutTokens(caller: Caller, access: Access): Principal {
  if ((access === 'control' || access === 'link') && !isLocal(caller))
    throw new GanglionError(
      'forbidden',
      'Without a token, control actions and links are taken from this machine only',
      {
        field: 'authorization',
        mend: 'Start the daemon with GANGLION_TOKEN or --token-file, and send the token.',
      },
    );
  const claimed = one(caller.headers['x-ganglion-actor']);
  // A claim, not a proof: the audit shows it as one of this machine's.
  return claimed !== undefined && NAME_PATTERN.test(claimed)
    ? { name: `local/${claimed}`, role: 'operator' }
    : ANYBODY;
}

/** From this machine, and not on behalf of another: a reverse proxy beside us says so in its headers. */
function isLocal(caller: Caller): boolean {
  return (
    isLoopback(caller.remoteAddress) &&
    caller.headers.forwarded === undefined &&
    caller.headers['x-forwarded-for'] === undefined
  );
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The actor of a control action taken at this node. */
export function actorOf(principal: Principal, authority: string): Actor {
  return { name: principal.name, authority };
}

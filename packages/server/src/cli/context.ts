import { userInfo } from 'node:os';
import { NAME_PATTERN } from '@ganglion/core';
import { type Client, createClient } from '@ganglion/sdk';
import { Command, InvalidArgumentError } from 'commander';
import type { Io } from './io.ts';
import { type Style, styleOf } from './style.ts';

/** What a command that talks to a daemon works with. */
export interface Session {
  readonly client: Client;
  readonly io: Io;
  readonly style: Style;
  readonly json: boolean;
  /** The result: as JSON with `--json`, else as `people` put it. */
  show(value: unknown, people: () => string): void;
}

export interface ClientFlags {
  readonly url?: string;
  readonly token?: string;
  readonly node?: string;
  readonly timeout?: number;
  readonly json?: boolean;
}

/** A command that talks to a daemon, with the options all of these have. */
export function clientCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--url <url>', 'where the daemon answers (default: GANGLION_URL, else http://127.0.0.1:7070)')
    .option('--token <token>', 'bearer token; better kept in GANGLION_TOKEN, where other users cannot see it')
    .option('--node <name>', 'which node of the daemon’s process is asked (default: its root-most)')
    .option('--timeout <ms>', 'longest wait for an answer', milliseconds, 10_000)
    .option('--json', 'print the result as JSON');
}

export function session(io: Io, flags: ClientFlags): Session {
  const json = flags.json === true;
  return {
    client: clientOf(io, flags),
    io,
    style: styleOf(io),
    json,
    show: (value, people) => io.out(json ? `${JSON.stringify(value)}\n` : people()),
  };
}

export function clientOf(io: Io, flags: ClientFlags): Client {
  return createClient({
    url: flags.url ?? io.env.GANGLION_URL,
    token: flags.token ?? io.env.GANGLION_TOKEN,
    node: flags.node,
    timeoutMs: flags.timeout,
    actor: actor(),
  });
}

/** Who acts, for the audit of a daemon on the same machine; one with tokens goes by the token. */
function actor(): string | undefined {
  try {
    const name = userInfo().username.replace(/[^A-Za-z0-9._-]/g, '-');
    return NAME_PATTERN.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

export function milliseconds(text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= 3_600_000))
    throw new InvalidArgumentError('Give milliseconds, from 1 to 3600000.');
  return value;
}

/** A JSON object from the command line. */
export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InvalidArgumentError(`It is not JSON: ${(cause as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('Give a JSON object, such as {"region":"eu"}.');
  return value as Record<string, unknown>;
}

/** Collects `name=value` options: numbers and booleans as such, all else as text. */
export function field(text: string, before: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Give it as NAME=VALUE.');
  const raw = text.slice(equals + 1);
  const asNumber = raw.trim() === '' ? Number.NaN : Number(raw);
  const value = raw === 'true' ? true : raw === 'false' ? false : Number.isFinite(asNumber) ? asNumber : raw;
  return { ...before, [text.slice(0, equals)]: value };
}

/** Collects `name=number` options. */
export function metric(text: string, before: Readonly<Record<string, number>> = {}): Record<string, number> {
  const [name, value] = Object.entries(field(text))[0];
  const asNumber = typeof value === 'boolean' ? Number(value) : value;
  if (typeof asNumber !== 'number') throw new InvalidArgumentError('Give it as NAME=NUMBER.');
  return { ...before, [name]: asNumber };
}

/** `point:NAME` and its like as they are; a bare name is a point. */
export function scope(text: string): string {
  return text === '*' || text.includes(':') ? text : `point:${text}`;
}

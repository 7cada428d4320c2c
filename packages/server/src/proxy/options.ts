import type { SecureContextOptions } from 'node:tls';
import { GanglionError } from '@ganglion/core';
import type { BackendChooser } from './balancer.ts';
import { addressMatcher } from './forwarded.ts';
import type { RetryOptions } from './retry.ts';

/** How the proxy is set up. Times in milliseconds; 0 turns a time-out off unless said otherwise. */
export interface ProxyOptions {
  readonly chooser: BackendChooser;
  /** Where the unit of a request is read: a header's or a cookie's value. Default: requests have no unit. */
  readonly unit?: { readonly header: string } | { readonly cookie: string };

  /** To a connected backend. Default 2 s. */
  readonly connectTimeoutMs?: number;
  /** From the sent request to the response head. Default 30 s. */
  readonly headTimeoutMs?: number;
  /** Without a byte of the response's body. Time in which the client does not read is not counted. Default 60 s. */
  readonly bodyIdleTimeoutMs?: number;
  /** Without a byte either way in a tunnel. Default 10 min. */
  readonly tunnelIdleTimeoutMs?: number;
  /** For the client to send its request head. Default 10 s. */
  readonly clientHeadTimeoutMs?: number;
  /** For the client to send more of its body, or to read more of the response. Default 60 s. */
  readonly clientIdleTimeoutMs?: number;
  /** An idle client connection is kept so long; longer than the balancers in front keep theirs. Default 65 s. */
  readonly keepAliveTimeoutMs?: number;
  /** An idle backend connection is kept so long, unless its `Keep-Alive` says less. Default 4 s. */
  readonly backendKeepAliveMs?: number;

  /** Bytes of a request head, target included, and of a response head. Default 16 KiB, at least 1 KiB. */
  readonly maxHeaderBytes?: number;
  /** Fields of a request head. Default 100. */
  readonly maxHeaderCount?: number;
  /** Client connections. Default 20,000; more are closed at once. */
  readonly maxConnections?: number;
  /** Requests in flight in all, tunnels included. Default 10,000; more get a 503. */
  readonly maxInFlight?: number;
  /** Requests in flight to one backend. Default 1,024. There is no queue: the next arm is tried, or a 503 sent. */
  readonly maxPerBackend?: number;

  readonly retry?: RetryOptions;
  /** Addresses and CIDR blocks of proxies in front of this one, whose forwarding fields are believed. Default none. */
  readonly trustedProxies?: readonly string[];
  /** `client` keeps the Host field that the client sent; `backend` sends the origin's. Default `client`. */
  readonly hostHeader?: 'client' | 'backend';
  /** Our name in `Via`. A token. Default `ganglion`. */
  readonly via?: string;
  /** Certificate and key to serve HTTPS. Default: HTTP. */
  readonly tls?: SecureContextOptions;
  /** Certificate authorities for https backends, beside the system's. */
  readonly backendCa?: string | readonly string[];
  /** Told of each exchange when it is over; for logs and metrics. Must not throw. */
  readonly onExchange?: (exchange: ExchangeRecord) => void;
  /** Told of errors that should not happen: a chooser that throws, say. Must not throw. */
  readonly onError?: (error: unknown) => void;
}

/** One client request, when it is over. */
export interface ExchangeRecord {
  readonly method: string;
  readonly target: string;
  /** What the client got; undefined where it went away before a response head. */
  readonly status: number | undefined;
  /** The `code` of the proxy's own answer, where it gave one. */
  readonly code: string | undefined;
  /** The arm of the last attempt. */
  readonly arm: string | undefined;
  readonly attempts: number;
  /** From the request head to the end of the response. */
  readonly totalMs: number;
  readonly tunnel: boolean;
}

type MayBeAbsent = 'unit' | 'tls' | 'backendCa' | 'onExchange';

/** All options, with defaults. */
export type ResolvedOptions = Readonly<
  Required<Omit<ProxyOptions, MayBeAbsent | 'retry'>> & {
    [K in MayBeAbsent]: ProxyOptions[K] | undefined;
  } & { retry: Required<RetryOptions> }
>;

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

/** Node's timers take no longer ones. */
const LONGEST_MS = 2 ** 31 - 1;

/** Checks the options and fills in the defaults. Throws `invalid_spec` naming the field. */
export function resolveOptions(options: ProxyOptions): ResolvedOptions {
  if (typeof options.chooser?.choose !== 'function')
    refuse('chooser', options.chooser, 'must have a choose method', 'Give a BackendChooser.');
  const via = options.via ?? 'ganglion';
  if (!TOKEN.test(via)) refuse('via', via, 'must be a token', 'Use letters, digits and hyphens.');
  const trustedProxies = options.trustedProxies ?? [];
  addressMatcher(trustedProxies);
  return {
    chooser: options.chooser,
    unit: readUnit(options.unit),
    ...readTimes(options),
    maxHeaderBytes: integer(options, 'maxHeaderBytes', 16_384, 1024, 1_048_576),
    maxHeaderCount: integer(options, 'maxHeaderCount', 100, 1, 10_000),
    maxConnections: integer(options, 'maxConnections', 20_000, 1, 1_000_000),
    maxInFlight: integer(options, 'maxInFlight', 10_000, 1, 1_000_000),
    maxPerBackend: integer(options, 'maxPerBackend', 1024, 1, 65_535),
    retry: readRetry(options.retry ?? {}),
    trustedProxies,
    hostHeader: options.hostHeader ?? 'client',
    via,
    tls: options.tls,
    backendCa: options.backendCa,
    onExchange: options.onExchange,
    onError: options.onError ?? (() => {}),
  };
}

function refuse(field: string, value: unknown, what: string, mend: string): never {
  throw new GanglionError('invalid_spec', `${field} ${what}`, { field, value, mend });
}

function readUnit(unit: ProxyOptions['unit']): ResolvedOptions['unit'] {
  if (unit === undefined) return undefined;
  if ('header' in unit && TOKEN.test(unit.header)) return { header: unit.header.toLowerCase() };
  if ('cookie' in unit && TOKEN.test(unit.cookie)) return unit;
  return refuse('unit', unit, 'must name a header or a cookie', 'Give { header } or { cookie }.');
}

type Times =
  | 'connectTimeoutMs'
  | 'headTimeoutMs'
  | 'bodyIdleTimeoutMs'
  | 'tunnelIdleTimeoutMs'
  | 'clientHeadTimeoutMs'
  | 'clientIdleTimeoutMs'
  | 'keepAliveTimeoutMs'
  | 'backendKeepAliveMs';

function readTimes(options: ProxyOptions): Pick<ResolvedOptions, Times> {
  const ms = (key: Times, usual: number, min = 0): number => integer(options, key, usual, min, LONGEST_MS);
  return {
    connectTimeoutMs: ms('connectTimeoutMs', 2000),
    headTimeoutMs: ms('headTimeoutMs', 30_000),
    bodyIdleTimeoutMs: ms('bodyIdleTimeoutMs', 60_000),
    tunnelIdleTimeoutMs: ms('tunnelIdleTimeoutMs', 600_000),
    clientHeadTimeoutMs: ms('clientHeadTimeoutMs', 10_000),
    clientIdleTimeoutMs: ms('clientIdleTimeoutMs', 60_000),
    keepAliveTimeoutMs: ms('keepAliveTimeoutMs', 65_000),
    backendKeepAliveMs: ms('backendKeepAliveMs', 4000, 1),
  };
}

function readRetry(retry: RetryOptions): Required<RetryOptions> {
  const onStatus = retry.onStatus ?? [];
  for (const status of onStatus)
    if (!Number.isInteger(status) || status < 400 || status > 599)
      refuse('retry.onStatus', status, 'must hold error statuses', 'Give whole numbers from 400 to 599.');
  return {
    max: integer(retry, 'max', 2, 0, 10, 'retry.'),
    onStatus,
    onHeadTimeout: retry.onHeadTimeout ?? false,
    ratio: real(retry, 'ratio', 0.2, 0, 10, 'retry.'),
    minPerSecond: real(retry, 'minPerSecond', 10, 0, 1_000_000, 'retry.'),
  };
}

type Numbers<K extends string> = { readonly [key in K]?: number };

function real<K extends string>(
  options: Numbers<K>,
  key: K,
  usual: number,
  min: number,
  max: number,
  path = '',
): number {
  const value = options[key] ?? usual;
  if (!(value >= min && value <= max))
    refuse(path + key, value, `must be from ${min} to ${max}`, `Give a number from ${min} to ${max}.`);
  return value;
}

function integer<K extends string>(
  options: Numbers<K>,
  key: K,
  usual: number,
  min: number,
  max: number,
  path = '',
): number {
  const value = real(options, key, usual, min, max, path);
  if (!Number.isInteger(value))
    refuse(path + key, value, 'must be a whole number', `Give a whole number from ${min} to ${max}.`);
  return value;
}

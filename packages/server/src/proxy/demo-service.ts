import { exponential, logNormal } from './demo-random.ts';

/**
 * How a backend of the demo behaves: a service time for each request, a number of workers (what is above waits in
 * line, so that a backend which gets all the traffic becomes slow), and spells of slowness or failure now and then.
 */
export interface BackendProfile {
  /** Median service time, ms. */
  readonly medianMs: number;
  /** Spread of the service time: the standard deviation of its logarithm. */
  readonly sigma: number;
  /** Requests served at once. */
  readonly workers: number;
  /** Most requests in line; more are answered 503 at once. */
  readonly line: number;
  /** Now and then service times are `factor` times as long. */
  readonly slow?: Spells & { readonly factor: number };
  /** Now and then this share of requests is answered 500, and fast: a failure that looks good on a latency chart. */
  readonly failing?: Spells & { readonly share: number };
}

/** Means of how long it is quiet, and how long a spell lasts. Each length is 0.5 to 1.5 times its mean. */
export interface Spells {
  readonly everyMs: number;
  readonly forMs: number;
}

/** Service time of a failure, ms. */
export const FAILURE_MS = 2;

/** The three backends of the demo. */
export const PROFILES: Readonly<Record<'steady' | 'slows' | 'fails', BackendProfile>> = {
  steady: { medianMs: 20, sigma: 0.35, workers: 16, line: 500 },
  slows: {
    medianMs: 15,
    sigma: 0.35,
    workers: 16,
    line: 500,
    slow: { everyMs: 20_000, forMs: 10_000, factor: 12 },
  },
  fails: {
    medianMs: 15,
    sigma: 0.35,
    workers: 16,
    line: 500,
    failing: { everyMs: 25_000, forMs: 8000, share: 0.5 },
  },
};

/** The lengths of quiet times and spells in turn, quiet first; endless. */
export function* spellLengths(random: () => number, spells: Spells): Generator<number, never> {
  const around = (mean: number): number => mean * (0.5 + random());
  while (true) {
    yield around(spells.everyMs);
    yield around(spells.forMs);
  }
}

/** What one request gets. */
export interface Service {
  readonly status: 200 | 500;
  readonly ms: number;
}

/** Draws the service of one request under the spells that are on. */
export function drawService(
  profile: BackendProfile,
  random: () => number,
  on: { readonly slow: boolean; readonly failing: boolean },
): Service {
  if (on.failing && random() < (profile.failing?.share ?? 0))
    return { status: 500, ms: exponential(random, FAILURE_MS) };
  const ms = logNormal(random, profile.medianMs, profile.sigma);
  return { status: 200, ms: on.slow ? ms * (profile.slow?.factor ?? 1) : ms };
}

/** Reads a profile: a name of `PROFILES`, or JSON. Throws a `TypeError` that names the field. */
export function readProfile(text: string): BackendProfile {
  if (Object.hasOwn(PROFILES, text)) return PROFILES[text as keyof typeof PROFILES];
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`profile: ${text} is neither JSON nor one of ${Object.keys(PROFILES).join(', ')}`, {
      cause,
    });
  }
  if (typeof given !== 'object' || given === null) throw new TypeError('profile: must be an object');
  const fields: Record<string, unknown> = { ...PROFILES.steady, ...given };
  for (const key of Object.keys(fields))
    if (!['medianMs', 'sigma', 'workers', 'line', 'slow', 'failing'].includes(key))
      throw new TypeError(`profile.${key}: there is no such field`);
  for (const key of ['medianMs', 'sigma', 'workers', 'line']) requireNumber(fields, key, `profile.${key}`);
  readSpells(fields, 'slow', 'factor');
  readSpells(fields, 'failing', 'share');
  return fields as unknown as BackendProfile;
}

function readSpells(fields: Record<string, unknown>, key: string, strength: string): void {
  const spells = fields[key];
  if (spells === undefined) return;
  if (typeof spells !== 'object' || spells === null) throw new TypeError(`profile.${key}: must be an object`);
  for (const name of ['everyMs', 'forMs', strength])
    requireNumber(spells as Record<string, unknown>, name, `profile.${key}.${name}`);
}

function requireNumber(fields: Record<string, unknown>, key: string, path: string): void {
  const value = fields[key];
  if (typeof value !== 'number' || !(value >= 0 && value < 2 ** 31))
    throw new TypeError(`${path}: must be a number of at least 0`);
}

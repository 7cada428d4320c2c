import type { Front } from './fronts/index.ts';
import { type ClosedFigures, type ClosedLoop, closedLoop, type OpenFigures, openLoop } from './load.ts';
import type { Running } from './processes.ts';

/** How long and how hard. */
export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly rate: number;
}

/** A closed loop, and what it cost the front. */
export type Loop = ClosedFigures & {
  /** CPU time of the front for each request, µs; undefined without a front, or where the system does not tell. */
  readonly cpuUs: number | undefined;
};

/** One row. */
export interface Figures {
  readonly name: string;
  /** GET, small answer. */
  readonly small: Loop;
  /** POST of 1 KiB, small answer. */
  readonly post: Loop;
  /** GET, 64 KiB answer. */
  readonly large: Loop;
  /** GET, small answer, open loop. */
  readonly open: OpenFigures;
}

const WARM_UP_REQUESTS = 10_000;

/** Runs every load against one front, started anew. */
export async function measureFront(
  front: Front,
  backends: readonly string[],
  plan: Plan,
  seed: number,
): Promise<Figures> {
  const running = await front.start(backends);
  try {
    return await measure(front.name, running.url, running, plan, seed);
  } finally {
    await running.stop();
  }
}

/** Runs every load against a backend: what is left when there is nothing between. */
export function measureDirect(url: string, plan: Plan, seed: number): Promise<Figures> {
  return measure('direct', url, undefined, plan, seed);
}

async function measure(
  name: string,
  url: string,
  front: Running | undefined,
  plan: Plan,
  seed: number,
): Promise<Figures> {
  const { seconds, connections, rate } = plan;
  const loop = async (path: string, postBytes: number): Promise<Loop> => {
    const closed: ClosedLoop = { path, connections, seconds, postBytes };
    await warmUp(url, closed);
    const before = front?.cpuMs();
    const figures = await closedLoop(url, closed);
    const after = front?.cpuMs();
    const known = before !== undefined && after !== undefined && figures.requests > 0;
    return { ...figures, cpuUs: known ? ((after - before) * 1000) / figures.requests : undefined };
  };
  return {
    name,
    small: await loop('/', 0),
    post: await loop('/', 1024),
    large: await loop('/large', 0),
    open: await openLoop(url, rate, seconds, seed),
  };
}

/**
 * Until what a JIT compiles is compiled and what is kept open is open: by requests, because on a busy machine a second
 * may hold too few of them.
 */
async function warmUp(url: string, closed: ClosedLoop): Promise<void> {
  let requests = 0;
  for (let second = 0; second < 10 && requests < WARM_UP_REQUESTS; second++)
    requests += (await closedLoop(url, { ...closed, seconds: 1 })).requests;
}

/** All rounds of one row, figure by figure: the middle one, and the one that was disturbed least. */
export interface Row {
  readonly name: string;
  readonly median: Figures;
  readonly best: Figures;
}

/** Sums up the rounds of one row. */
export function summary(rounds: readonly Figures[]): Row {
  return { name: rounds[0].name, median: over(rounds, median), best: over(rounds, best) };
}

type Pick = (values: readonly number[], key: string) => number;

function over(rounds: readonly Figures[], pick: Pick): Figures {
  const part = <T extends object>(parts: readonly T[]): T =>
    Object.fromEntries(
      Object.keys(parts[0]).map((key) => {
        const values = parts.map((one) => one[key as keyof T] as number | undefined);
        const known = values.filter((value) => value !== undefined);
        return [key, known.length === 0 ? undefined : pick(known, key)];
      }),
    ) as T;
  return {
    name: rounds[0].name,
    small: part(rounds.map(({ small }) => small)),
    post: part(rounds.map(({ post }) => post)),
    large: part(rounds.map(({ large }) => large)),
    open: part(rounds.map(({ open }) => open)),
  };
}

/** The middle one; of an even number, the lower of the two. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

/** More is better for what is done, less for what it takes; failures are never hidden behind a better round. */
function best(values: readonly number[], key: string): number {
  const more =
    key === 'requests' || key === 'perSecond' || key === 'sent' || key === 'errors' || key === 'failed';
  return more ? Math.max(...values) : Math.min(...values);
}

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

/** What is measured: a front that runs, or a backend itself. */
export interface Subject {
  readonly name: string;
  readonly url: string;
  /** Undefined for a backend itself: it costs nobody between. */
  readonly front: Running | undefined;
}

const WARM_UP_REQUESTS = 10_000;

const LOADS = {
  small: { path: '/', postBytes: 0 },
  post: { path: '/', postBytes: 1024 },
  large: { path: '/large', postBytes: 0 },
} as const;

/**
 * Until what a JIT compiles is compiled and what is kept open is open: by requests, because on a busy machine a second
 * may hold too few of them.
 */
export async function warmUp(subject: Subject, plan: Plan): Promise<void> {
  for (const load of Object.values(LOADS)) {
    let requests = 0;
    for (let second = 0; second < 10 && requests < WARM_UP_REQUESTS; second++) {
      const loop: ClosedLoop = { ...load, connections: plan.connections, seconds: 1 };
      requests += (await closedLoop(subject.url, loop)).requests;
    }
  }
}

/**
 * One round over all subjects. All of them run all the time, and take turns load by load: what disturbs the machine
 * for a while disturbs neighbours in the table alike.
 */
export async function measureRound(
  subjects: readonly Subject[],
  plan: Plan,
  seed: number,
): Promise<Figures[]> {
  const loops = { small: [] as Loop[], post: [] as Loop[], large: [] as Loop[] };
  for (const load of ['small', 'post', 'large'] as const)
    for (const subject of subjects) loops[load].push(await measureLoop(subject, plan, LOADS[load]));
  const figures: Figures[] = [];
  for (const [i, { name, url }] of subjects.entries())
    figures.push({
      name,
      small: loops.small[i],
      post: loops.post[i],
      large: loops.large[i],
      open: await openLoop(url, plan.rate, plan.seconds, seed),
    });
  return figures;
}

async function measureLoop(
  { url, front }: Subject,
  { connections, seconds }: Plan,
  load: { readonly path: string; readonly postBytes: number },
): Promise<Loop> {
  const before = front?.cpuMs();
  const figures = await closedLoop(url, { ...load, connections, seconds });
  const after = front?.cpuMs();
  const known = before !== undefined && after !== undefined && figures.requests > 0;
  return { ...figures, cpuUs: known ? ((after - before) * 1000) / figures.requests : undefined };
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

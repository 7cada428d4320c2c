/** Time of very short calls, on a machine that may have other work. */

export interface Subject {
  readonly name: string;
  /** Calls it `count` times, one after the other. */
  run(count: number, offset: number): void | Promise<void>;
  /** Between batches, not timed. */
  readonly between?: () => void | Promise<void>;
}

export interface Sample {
  readonly name: string;
  /** Wall time a call: the median over batches of `BATCH`, ns. */
  readonly medianNs: number;
  /** Of calls timed one by one, less the median cost of reading the clock, ns. */
  readonly p99Ns: number;
  /** CPU time a call, all threads of the process, so with what the garbage collector does beside us; ns. */
  readonly cpuNs: number;
}

const BATCH = 200;
const SINGLES = 4000;

/**
 * Rounds go over all subjects in turn, so that what else the machine does meets them alike; medians over the rounds
 * are reported. `perRound` is the time each subject gets in a round, ms.
 */
export async function sampleAll(
  subjects: readonly Subject[],
  rounds: number,
  perRoundMs: number,
): Promise<Sample[]> {
  const clockNs = clockCost();
  for (const subject of subjects) await round(subject, perRoundMs, clockNs); // warm-up
  const seen = subjects.map((): Omit<Sample, 'name'>[] => []);
  for (let r = 0; r < rounds; r++)
    for (const [i, subject] of subjects.entries()) seen[i].push(await round(subject, perRoundMs, clockNs));
  return subjects.map(({ name }, i) => ({
    name,
    medianNs: median(seen[i].map((s) => s.medianNs)),
    p99Ns: median(seen[i].map((s) => s.p99Ns)),
    cpuNs: median(seen[i].map((s) => s.cpuNs)),
  }));
}

async function round(subject: Subject, ms: number, clockNs: number): Promise<Omit<Sample, 'name'>> {
  const batches: number[] = [];
  let calls = 0;
  let cpuUs = 0;
  const end = performance.now() + ms;
  do {
    const cpu = process.cpuUsage();
    // Many batches to one reading of the CPU clock, which is coarse.
    for (let b = 0; b < 20; b++) {
      const startedMs = performance.now();
      const pending = subject.run(BATCH, calls);
      if (pending !== undefined) await pending;
      batches.push(((performance.now() - startedMs) * 1e6) / BATCH);
      calls += BATCH;
    }
    const used = process.cpuUsage(cpu);
    cpuUs += used.user + used.system;
    await subject.between?.();
  } while (performance.now() < end);
  const singles = await single(subject, clockNs);
  return { medianNs: median(batches), p99Ns: quantile(singles, 0.99), cpuNs: (cpuUs * 1000) / calls };
}

async function single(subject: Subject, clockNs: number): Promise<number[]> {
  const ns: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    const startedMs = performance.now();
    const pending = subject.run(1, i);
    if (pending !== undefined) await pending;
    ns.push(Math.max(0, (performance.now() - startedMs) * 1e6 - clockNs));
    if (i % 1000 === 999) await subject.between?.();
  }
  return ns;
}

/** What the clock itself adds to a timed call, ns. */
export function clockCost(): number {
  const ns: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    const startedMs = performance.now();
    ns.push((performance.now() - startedMs) * 1e6);
  }
  return median(ns.slice(10_000));
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

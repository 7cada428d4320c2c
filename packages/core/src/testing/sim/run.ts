import { clients } from './clients.ts';
import { type DrawTest, drawTest } from './deciding.ts';
import { dice as makeDice } from './dice.ts';
import { fail, type Invariant, SimFailure } from './failure.ts';
import { heal, strike } from './faults.ts';
import { ledger } from './ledger.ts';
import { declarePoints } from './people.ts';
import { drawPlan, type Fault, type Plan } from './plan.ts';
import { portrait, unquiet } from './quiescence.ts';
import { safety } from './safety.ts';
import { trace } from './trace.ts';
import { type Trouble, troubles } from './trouble.ts';
import { createWorld, start, type World } from './world.ts';

export interface SimOptions {
  /** Nodes; default: drawn, 2 to 9. */
  readonly size?: number | undefined;
  /** Virtual time with faults, ms; default: drawn, 1.2 to 3 s. */
  readonly activeMs?: number | undefined;
  /** Hears every line of the trace. */
  readonly listener?: ((line: string) => void) | undefined;
  /** Shared by many runs, so that a small bias shows over all of them. */
  readonly draws?: DrawTest | undefined;
}

export interface SimResult {
  readonly seed: number;
  readonly failure:
    | { readonly invariant: Invariant; readonly message: string; readonly atMs: number }
    | undefined;
  /** Hash of everything that happened: equal for equal seeds. */
  readonly digest: string;
  readonly steps: number;
  readonly decisions: number;
  readonly virtualMs: number;
  /** From healing to quiet, ms. */
  readonly quietMs: number;
  /** What each node held at the end; only after a failure. */
  readonly portrait: string;
}

/** Within this long after healing all is quiet: a hundred heartbeats, and the grace of a restarted root. */
const QUIET_WITHIN_MS = 8000;
const LOOK_EVERY_MS = 100;

/** One seed: a tree, its faults, and then silence. Resolves with what failed, if anything did; never rejects. */
export async function simulate(seed: number, options: SimOptions = {}): Promise<SimResult> {
  const dice = makeDice(seed);
  const drawn = drawPlan(dice.fork(3), options.size);
  const plan: Plan = options.activeMs === undefined ? drawn : { ...drawn, activeMs: options.activeMs };
  const world = createWorld(seed, plan, dice, trace(options.listener));
  world.network.codec = plan.codec;
  const book = ledger();
  let failure: SimResult['failure'];
  let quietMs = 0;
  try {
    quietMs = await live(world, book, options.draws ?? drawTest());
  } catch (error) {
    failure = {
      invariant: error instanceof SimFailure ? error.invariant : 'exception',
      message: error instanceof SimFailure ? error.message : String((error as Error)?.stack ?? error),
      atMs: world.line.nowMs,
    };
  }
  return {
    seed,
    failure,
    digest: world.trace.digest(),
    steps: world.line.steps,
    decisions: book.made.size,
    virtualMs: world.line.nowMs,
    quietMs,
    portrait: failure === undefined ? '' : world.machines.map(portrait).join('\n'),
  };
}

async function live(world: World, book: ReturnType<typeof ledger>, draws: DrawTest): Promise<number> {
  const { line, plan, dice } = world;
  const rules = safety(world, book);
  world.onTouch = rules.touched;
  world.onStart = rules.started;
  world.onStop = rules.stopped;
  const apps = clients(world, book, rules, draws, dice.fork(4));
  const trouble = troubles(world, dice.fork(5), apps);
  // The beginning is calm: a root with its points.
  const { commitFails } = world.machines[0].disk.faults;
  world.machines[0].disk.faults.commitFails = 0;
  start(world, world.machines[0]);
  await runUntil(world, 5000, () => world.machines[0].process !== undefined);
  let declared = false;
  declarePoints(world).then(() => (declared = true));
  await runUntil(world, line.nowMs + 5000, () => declared);
  world.machines[0].disk.faults.commitFails = commitFails;
  for (const machine of world.machines) line.after(dice.between(0, 200), () => start(world, machine));
  const endMs = line.nowMs + plan.activeMs;
  for (const fault of Object.keys(plan.every) as Fault[]) schedule(world, trouble, fault, endMs);
  await runUntil(world, endMs, () => false);
  world.trace.note(line.nowMs, 'all', () => 'is healed');
  heal(trouble);
  const healedMs = line.nowMs;
  // A process that finds its name closed claims it back some times before it takes another.
  const within = QUIET_WITHIN_MS * (plan.fold.foldAfterMs === undefined ? 1 : 2);
  // The root may take one that it has not heard of for gone at any time: who then opens a new origin begins anew, once.
  let origins = '';
  for (let sinceMs = healedMs; ; ) {
    await runUntil(world, line.nowMs + LOOK_EVERY_MS, () => false);
    const why = unquiet(world, book, apps);
    if (why === undefined) break;
    const now = world.machines.map((machine) => machine.process?.node.state.origin).join();
    if (now !== origins) [origins, sinceMs] = [now, line.nowMs];
    if (line.nowMs - sinceMs > within || line.nowMs - healedMs > 3 * within) fail('quiescence', why);
    // Whoever died while being healed is started again.
    heal(trouble);
  }
  return line.nowMs - healedMs;
}

function schedule(world: World, trouble: Trouble, fault: Fault, endMs: number): void {
  const meanMs = world.plan.every[fault];
  if (!Number.isFinite(meanMs)) return;
  const dice = world.dice.fork(200 + Object.keys(world.plan.every).indexOf(fault));
  const next = (): void =>
    world.line.after(dice.wait(meanMs), () => {
      if (world.line.nowMs >= endMs) return;
      strike(trouble, fault);
      next();
    });
  next();
}

/** Promises settle between events: each hop of a chain is one turn of the queue, and no chain here is longer. */
const HOPS = 24;

async function runUntil(world: World, untilMs: number, done: () => boolean): Promise<void> {
  while (!done()) {
    const more = world.line.step(untilMs);
    if (world.pendingPromises) {
      world.pendingPromises = false;
      for (let hop = 0; hop < HOPS; hop++) await undefined;
      for (const machine of world.machines) world.onTouch(machine);
    }
    if (world.failure !== undefined) throw world.failure;
    if (!more) return;
  }
}

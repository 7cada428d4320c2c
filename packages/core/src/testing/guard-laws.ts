/**
 * What every `Guard` must do, whatever it guards against. Each law drives fresh guards through a random history and
 * throws a readable `Error` where the law is broken. A new guard runs them all by being listed:
 *
 *     for (const { law, run } of guardLaws((arms) => breaker({ minCalls: 5 }, pointOf(arms)))) …
 */

import { isGanglionError } from '../errors.ts';
import type { Guard, GuardInput, GuardOutcome, JsonValue, Verdict } from '../guard.ts';
import type { FactoryInput } from '../registry.ts';
import { hash32 } from '../stats/hash.ts';
import type { Stream } from '../stats/random.ts';

/** Makes the guard under test for a point with these arms. */
export type MakeGuard = (point: FactoryInput) => Guard;

export interface GuardLaw {
  readonly law: string;
  /** Throws where the law is broken. The same stream gives the same history. */
  run(random: Stream): void;
}

/** What a factory is told of a point with these arms and nothing else. */
export function pointOf(armIds: readonly string[], path = 'guards[0]'): FactoryInput {
  return { point: 'checkout', arms: armIds.map((id) => ({ id })), fields: [], range: [0, 1], path };
}

/** A pass for the defaults: all arms allowed, nothing in flight, the whole share. */
export function guardInput(armIds: readonly string[], change: Partial<GuardInput> = {}): GuardInput {
  return {
    nowMs: 0,
    unit: '',
    unitHash: 0,
    context: new Float64Array(0),
    arms: armIds.length,
    armIds,
    allowed: new Uint8Array(armIds.length).fill(1),
    allowedCount: armIds.length,
    inflight: new Int32Array(armIds.length),
    inflightPoint: 0,
    inflightDomain: 0,
    confidence: Number.NaN,
    budgetMs: 5,
    parentMs: Number.POSITIVE_INFINITY,
    share: 1,
    stratum: '',
    chance: 0.5,
    ...change,
  };
}

/** The laws of the family, for one guard. The arms a law takes are a prefix of `armIds`; options may name the first two. */
export function guardLaws(
  make: MakeGuard,
  armIds: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f'],
): readonly GuardLaw[] {
  const start = (random: Stream): World =>
    worldOf(make, armIds.slice(0, 2 + random.integer(armIds.length - 1)), random);
  return [...verdicts(start), ...snapshots(start), ...inPieces(start), ...standing(start, make)];
}

type Start = (random: Stream) => World;

/** What a verdict is. */
function verdicts(start: Start): GuardLaw[] {
  return [
    {
      law: 'the same state and input give the same verdict, the very object: nothing is made anew while the answer stands',
      run(random) {
        const world = start(random);
        live(world, random, {
          look(input, step) {
            const first = world.guard.check(world.state, input);
            // Not as often at each step: a guard that counts how often it is asked could always turn between two of them.
            for (let i = 0; i <= step % 7; i++)
              demand(
                world.guard.check(world.state, input) === first,
                'another object for the same answer',
                first,
              );
          },
        });
      },
    },
    {
      law: 'a verdict fits the phase, says who and why, leaves an arm to a restriction, and keeps its numbers in range',
      run(random) {
        const world = start(random);
        live(world, random, {
          look: (input) => wellFormed(world.guard, world.guard.check(world.state, input), input),
        });
      },
    },
    {
      law: 'a verdict is immutable: whatever happens later, one given before reads as it did',
      run(random) {
        const world = start(random);
        const kept = new Map<Verdict, string>();
        live(world, random, {
          look(input) {
            const verdict = world.guard.check(world.state, input);
            demand(Object.isFrozen(verdict), 'not frozen', verdict);
            if (!kept.has(verdict)) kept.set(verdict, show(verdict));
          },
        });
        for (const [verdict, text] of kept) demand(show(verdict) === text, `was ${text}`, verdict);
      },
    },
    {
      law: 'neither check nor chosen changes its input',
      run(random) {
        const world = start(random);
        let before = '';
        live(world, random, {
          look(input) {
            before = showInput(input);
            world.guard.check(world.state, input);
            demand(showInput(input) === before, `check changed its input from ${before}`);
          },
          drawn: (input) => demand(showInput(input) === before, `chosen changed its input from ${before}`),
        });
      },
    },
  ];
}

/** What is kept of a state. */
function snapshots(start: Start): GuardLaw[] {
  return [
    {
      law: 'restored from its snapshot, a state answers as the one it was taken of, from then on',
      run(random) {
        const world = start(random);
        const { guard } = world;
        if (guard.snapshot === undefined) return;
        const taken = random.integer(60);
        let twin: unknown;
        const watch: Watch = {
          look(input, step) {
            if (step === taken) twin = reborn(world);
            if (step < taken) return;
            const other = show(guard.check(twin, input));
            const verdict = guard.check(world.state, input);
            demand(other === show(verdict), `restored: ${other}`, verdict);
          },
          drawn: (input, arm) => twin !== undefined && guard.chosen?.(twin, input, arm, arm),
          heard: (outcome) => twin !== undefined && guard.settled?.(twin, outcome),
        };
        live(world, random, watch, 120);
      },
    },
    {
      law: 'bytes that are no snapshot are refused as undecodable, and nothing else is thrown',
      run(random) {
        const world = start(random);
        const { restore, snapshot } = world.guard;
        if (restore === undefined || snapshot === undefined) return;
        live(world, random);
        const good = JSON.parse(JSON.stringify(snapshot(world.state))) as JsonValue;
        for (let i = 0; i < 50; i++) {
          const bad = spoil(good, random);
          try {
            const state = restore(bad, world.ids.length);
            // What is taken must also work.
            world.guard.check(state, guardInput(world.ids, { nowMs: world.nowMs }));
          } catch (error) {
            demand(isGanglionError(error, 'undecodable'), `restore(${show(bad)}) threw ${String(error)}`);
          }
        }
      },
    },
    {
      law: 'state is bounded: a long history leaves no more behind than its arms and units account for',
      run(random) {
        const world = start(random);
        const { snapshot } = world.guard;
        if (snapshot === undefined) return;
        live(world, random, {}, 2000);
        const size = JSON.stringify(snapshot(world.state)).length;
        // Twenty units and a few arms: far below what two thousand decisions would take.
        demand(size <= 8000 + 1000 * world.ids.length, `snapshot of ${size} characters`);
      },
    },
  ];
}

/** What is kept of a large one. */
function inPieces(start: Start): GuardLaw[] {
  return [
    {
      law: 'saved by pieces as it goes on, only those that changed, a state is read back as one that answers like it',
      run(random) {
        const world = start(random);
        const { guard } = world;
        const { pieces } = guard;
        if (pieces === undefined) return;
        const disk = new Map<number, Uint8Array>();
        const taken = 20 + random.integer(40);
        let twin: unknown;
        const watch: Watch = {
          look(input, step) {
            if (step === taken || (step < taken && random.integer(8) === 0)) savePieces(world, disk);
            if (step === taken)
              twin = pieces.restore(
                JSON.parse(JSON.stringify(pieces.head(world.state))) as JsonValue,
                disk,
                world.ids.length,
              );
            if (step < taken) return;
            const other = show(guard.check(twin, input));
            const verdict = guard.check(world.state, input);
            demand(other === show(verdict), `read back: ${other}`, verdict);
          },
          drawn: (input, arm) => twin !== undefined && guard.chosen?.(twin, input, arm, arm),
          heard: (outcome) => twin !== undefined && guard.settled?.(twin, outcome),
        };
        live(world, random, watch, 120);
      },
    },
  ];
}

/** What stays as it is: a unit's stratum, and the judgement of arms that stay. */
function standing(start: Start, make: MakeGuard): GuardLaw[] {
  return [
    {
      law: 'an assignment is the unit’s alone: not of the time, the state, the node, the load, or what else is drawn',
      run(random) {
        const world = start(random);
        if (world.guard.phase !== 'assign') return;
        const first = new Map<string, string>();
        live(world, random, {
          look(input) {
            if (input.unit === '' || input.stratum !== '') return;
            const stratum = show(world.guard.check(world.state, input));
            const was = first.get(input.unit) ?? stratum;
            demand(was === stratum, `${input.unit} was ${was}, is ${stratum}`);
            first.set(input.unit, stratum);
          },
        });
      },
    },
    {
      law: 'after rearming, arms that stay are judged as before, wherever they stand now',
      run: (random) => rearming(start(random), make, random),
    },
  ];
}

interface World {
  readonly guard: Guard;
  readonly ids: readonly string[];
  state: unknown;
  nowMs: number;
  /** Decisions in flight: outcomes that may come. */
  readonly flying: { arm: number; startedMs: number; unitHash: number }[];
}

function worldOf(make: MakeGuard, ids: readonly string[], random: Stream): World {
  const guard = make(pointOf(ids));
  return {
    guard,
    ids,
    state: guard.initial(ids.length),
    nowMs: random.integer(2) === 0 ? 0 : 1e9 * random.next(),
    flying: [],
  };
}

/** What a law wants to see of a history. */
interface Watch {
  /** Before each decision. */
  readonly look?: (input: GuardInput, step: number) => void;
  /** After each draw, and each outcome. */
  readonly drawn?: (input: GuardInput, arm: number) => void;
  readonly heard?: (outcome: GuardOutcome) => void;
}

/** Drives a world through decisions, outcomes and time. */
function live(world: World, random: Stream, watch: Watch = {}, steps = 60): void {
  const { guard } = world;
  let health = world.ids.map(() => random.next());
  for (let step = 0; step < steps; step++) {
    if (random.integer(15) === 0) health = health.map(() => random.next());
    world.nowMs +=
      random.integer(4) === 0 ? random.exponential() * 10 ** random.integer(6) : random.integer(3);
    const input = randomInput(world, random);
    watch.look?.(input, step);
    const arm = pick(guard.check(world.state, input), input, random);
    if (arm >= 0) {
      guard.chosen?.(world.state, input, arm, arm);
      watch.drawn?.(input, arm);
      world.flying.push({ arm, startedMs: input.nowMs, unitHash: input.unitHash });
    }
    while (world.flying.length > 0 && random.integer(3) > 0) {
      const [call] = world.flying.splice(random.integer(world.flying.length), 1);
      if (random.integer(20) === 0) continue; // never comes back
      const outcome = randomOutcome(world, call, health[call.arm], random);
      guard.settled?.(world.state, outcome);
      watch.heard?.(outcome);
    }
  }
}

/** An arm that the verdict leaves; −1 where it leaves none. */
function pick(verdict: Verdict, input: GuardInput, random: Stream): number {
  if (verdict.kind === 'block') return -1;
  const left = [...input.allowed.keys()].filter(
    (arm) => input.allowed[arm] === 1 && verdict.exclude?.[arm] !== 1,
  );
  return left.length === 0 ? -1 : left[random.integer(left.length)];
}

function randomInput(world: World, random: Stream): GuardInput {
  const arms = world.ids.length;
  const allowed = Uint8Array.from({ length: arms }, () => (random.integer(5) === 0 ? 0 : 1));
  allowed[random.integer(arms)] = 1;
  const inflight = Int32Array.from({ length: arms }, () => random.integer(6));
  const inflightPoint = inflight.reduce((sum, n) => sum + n, 0);
  const unit = random.integer(4) === 0 ? '' : `unit-${random.integer(20)}`;
  return guardInput(world.ids, {
    nowMs: world.nowMs,
    unit,
    unitHash: unit === '' ? 0 : hash32(unit),
    allowed,
    allowedCount: allowed.reduce((sum, one) => sum + one, 0),
    inflight,
    inflightPoint,
    inflightDomain: inflightPoint + random.integer(10),
    confidence: random.integer(5) === 0 ? Number.NaN : random.next(),
    budgetMs: random.next() * 10,
    parentMs: random.integer(3) === 0 ? Number.POSITIVE_INFINITY : random.next() * 10,
    share: random.integer(6) === 0 ? 0.01 + 0.99 * random.next() : 1,
    stratum: random.integer(10) === 0 ? 'experiment:x:y' : '',
    chance: random.next(),
  });
}

function randomOutcome(
  world: World,
  call: { arm: number; startedMs: number; unitHash: number },
  health: number,
  random: Stream,
): GuardOutcome {
  const failed = random.integer(10) === 0 ? undefined : random.next() > health;
  const metrics: Record<string, number> = {
    cost: random.integer(12) === 0 ? Number.NaN : random.exponential() * 2,
  };
  return {
    ...call,
    nowMs: world.nowMs,
    latencyMs: random.integer(5) === 0 ? Number.NaN : random.exponential() * 200,
    failed,
    metrics: random.integer(8) === 0 ? {} : metrics,
  };
}

/** As a node does it: what changed takes the place of what was. */
function savePieces({ guard: { pieces }, state }: World, disk: Map<number, Uint8Array>): void {
  for (const number of pieces!.changed(state)) {
    const bytes = pieces!.piece(state, number);
    if (bytes === undefined) disk.delete(number);
    else disk.set(number, bytes);
  }
  for (const number of disk.keys())
    demand(number < pieces!.count(state), `piece ${number} is beyond those that there are`);
}

function reborn(world: World): unknown {
  const json = JSON.parse(JSON.stringify(world.guard.snapshot!(world.state))) as JsonValue;
  return world.guard.restore!(json, world.ids.length);
}

const KINDS = {
  assign: ['pass', 'assign'],
  narrow: ['pass', 'restrict', 'soften', 'block'],
  judge: ['pass', 'soften', 'escalate', 'block'],
};

function wellFormed(guard: Guard, verdict: Verdict, input: GuardInput): void {
  demand(KINDS[guard.phase].includes(verdict.kind), `kind does not fit the phase ${guard.phase}`, verdict);
  if (verdict.kind !== 'pass' || verdict.guard !== '') {
    demand(verdict.guard === guard.name.split('/')[0], `says it is not ${guard.name}`, verdict);
    demand(/^[^\n]{3,200}$/.test(verdict.why), 'why is not one short sentence', verdict);
  }
  const { exclude, floor, influence } = verdict;
  // A stratum may pin an arm; a restriction always takes some away.
  demand(
    verdict.kind === 'assign' || (exclude !== undefined) === (verdict.kind === 'restrict'),
    'exclude goes with restrict',
    verdict,
  );
  demand(
    (verdict.stratum !== undefined) === (verdict.kind === 'assign'),
    'stratum goes with assign',
    verdict,
  );
  for (const part of [floor ?? 0, influence ?? 0])
    demand(part >= 0 && part <= 1, 'floor or influence off range', verdict);
  if (exclude === undefined) return;
  demand(
    exclude.length === input.arms && exclude.includes(1),
    'excludes nothing, or arms there are not',
    verdict,
  );
  demand(
    verdict.kind === 'assign' || input.allowed.some((one, arm) => one === 1 && exclude[arm] === 0),
    'leaves no allowed arm, and does not say block',
    verdict,
  );
}

/** The world's arms in another order, some gone, and one new. */
function rearming(world: World, make: MakeGuard, random: Stream): void {
  const { guard } = world;
  if (guard.rearm === undefined) return;
  live(world, random);
  const order = world.ids.map((_, arm) => arm);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  // The first two stay: options may name them.
  const from = [...order.filter((old) => old < 2 || random.integer(3) > 0), -1];
  const ids = from.map((old) => (old < 0 ? 'new' : world.ids[old]));
  const time = { nowMs: world.nowMs, chance: 0.999 };
  const was = guard.check(world.state, guardInput(world.ids, time));
  // A pass that gives its reasons withheld nothing because nothing would have been left: a new arm changes that.
  if (was.kind === 'pass' && was.guard !== '') return;
  const next = make(pointOf(ids));
  const is = next.check(next.rearm!(world.state, from), guardInput(ids, time));
  from.forEach((old, arm) => {
    if (old >= 0) demand(withholds(is, arm) === withholds(was, old), `${ids[arm]}: was ${show(was)}`, is);
  });
}

function withholds(verdict: Verdict, arm: number): boolean {
  return verdict.kind === 'block' || verdict.exclude?.[arm] === 1;
}

/** A snapshot with one thing wrong, or something else altogether. */
function spoil(good: JsonValue, random: Stream): JsonValue {
  const wrong: JsonValue[] = [null, true, -1, 1e300, 0.5, 'x', [], {}, [[]], [1, 2, 3], { arms: 1 }];
  const other = wrong[random.integer(wrong.length)];
  if (typeof good !== 'object' || good === null || random.integer(6) === 0) return other;
  if (Array.isArray(good)) {
    const list = [...(good as readonly JsonValue[])];
    if (list.length === 0 || random.integer(4) === 0) return [...list, other];
    const at = random.integer(list.length);
    list[at] = spoil(list[at], random);
    return list;
  }
  const copy: Record<string, JsonValue> = { ...(good as Record<string, JsonValue>) };
  const keys = Object.keys(copy);
  const key = keys[random.integer(keys.length)];
  if (random.integer(4) === 0) delete copy[key];
  else copy[key] = spoil(copy[key], random);
  return copy;
}

function demand(holds: boolean, message: string, verdict?: Verdict): asserts holds {
  if (!holds) throw new Error(verdict === undefined ? message : `${message}: ${show(verdict)}`);
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? [...part] : part));
}

function showInput(input: GuardInput): string {
  return JSON.stringify(input, (_, part) => {
    if (ArrayBuffer.isView(part)) return [...(part as Uint8Array)];
    return typeof part === 'number' && !Number.isFinite(part) ? String(part) : part;
  });
}

import type { FeedbackResult } from '../../node-api.ts';
import { type Askers, ask, askers } from './askers.ts';
import { type DrawTest, decideOn } from './deciding.ts';
import type { Dice } from './dice.ts';
import { fail } from './failure.ts';
import { expect, type Ledger, type Made } from './ledger.ts';
import { LEARNED, OPEN, TAGGED } from './plan.ts';
import { recalls, type Safety } from './safety.ts';
import { awake, type Machine, note, type World } from './world.ts';

/** The applications: they ask for decisions, and report outcomes until somebody has acknowledged them. */
export interface Clients {
  readonly world: World;
  readonly book: Ledger;
  readonly rules: Safety;
  readonly test: DrawTest;
  readonly dice: Dice;
  readonly askers: Askers;
  /** Reports that nobody has acknowledged yet. */
  waiting: number;
}

/** What is said of a decision: the outcome under a revision. */
interface Report {
  readonly made: Made;
  readonly revision: number;
  readonly reward: number;
}

const RETRY_MS = 250;

export function clients(world: World, book: Ledger, rules: Safety, test: DrawTest, dice: Dice): Clients {
  const apps: Clients = {
    world,
    book,
    rules,
    test,
    dice,
    askers: askers(world, book, rules, dice.fork(6), (made) => {
      apps.waiting++;
      report(apps, made, 0);
    }),
    waiting: 0,
  };
  return apps;
}

/** Somewhere, and by somebody who has time. */
export function decide(apps: Clients): void {
  const able = awake(apps.world);
  if (able.length > 0) decideAt(apps, apps.dice.pick(able));
  ask(apps.askers);
}

export function decideAt(apps: Clients, machine: Machine): void {
  const { world, book, rules, test, dice } = apps;
  const draw = dice.next();
  const point = draw < 0.6 ? TAGGED : draw < 0.93 ? LEARNED : OPEN;
  const unit = point === TAGGED ? machine.name : `u${dice.below(40)}`;
  const made = decideOn(world, book, rules, test, machine, unit, point);
  if (made === undefined || point === OPEN || dice.chance(0.1)) return;
  // Some outcomes are known at once, before the decision itself is on disk.
  reportLater(apps, made, 0, dice.chance(0.2) ? dice.between(0, 4) : dice.wait(120));
  if (dice.chance(0.15)) reportLater(apps, made, 1, dice.wait(400));
}

function reportLater(apps: Clients, made: Made, revision: number, delayMs: number): void {
  apps.waiting++;
  apps.world.line.after(delayMs, () => report(apps, made, revision));
}

function report(apps: Clients, made: Made, revision: number): void {
  const { world, book, dice } = apps;
  const said: Report = { made, revision, reward: dice.below(2) };
  expect(book, made, revision, said.reward);
  attempt(apps, said, 0);
  // Some say everything twice.
  if (dice.chance(0.1)) {
    apps.waiting++;
    world.line.after(dice.wait(200), () => attempt(apps, said, 0));
  }
}

function attempt(apps: Clients, said: Report, tries: number): void {
  const { world, dice } = apps;
  const target = hearer(apps, said, tries);
  const again = (): void =>
    world.line.after(dice.between(0.5, 1) * RETRY_MS, () => attempt(apps, said, tries + 1));
  if (target === undefined) return again();
  let settled = false;
  const once = (then: () => void) => () => {
    if (settled) return;
    settled = true;
    then();
  };
  world.pendingPromises = true;
  target
    .process!.node.feedback([{ id: said.made.id, reward: said.reward, revision: said.revision }])
    .then(
      (results) => once(() => heard(apps, said, target, results[0], again))(),
      () => once(again)(),
    )
    .catch((error: unknown) => {
      world.failure ??= error;
    });
  world.onTouch(target);
  world.line.after(RETRY_MS * 4, once(again));
}

/** Mostly the node that decided; else anybody, who passes it on. */
function hearer({ world, dice }: Clients, { made }: Report, tries: number): Machine | undefined {
  const able = awake(world);
  if (dice.chance(tries > 2 ? 0.9 : 0.6)) return able.find((machine) => machine === made.machine);
  return able.length > 0 ? dice.pick(able) : undefined;
}

function heard(
  apps: Clients,
  { made, revision }: Report,
  target: Machine,
  result: FeedbackResult,
  again: () => void,
): void {
  note(
    apps.world,
    target,
    () =>
      `feedback ${made.id} r${revision}=${made.sent.get(revision)}: ${result.status}${result.status === 'rejected' ? ` ${result.problem.code}` : ''}`,
  );
  const own = target === made.machine;
  if (result.status === 'joined' || result.status === 'duplicate' || result.status === 'routed') {
    apps.waiting--;
    made.acked = Math.max(made.acked, revision);
    if (own) made.joined = Math.max(made.joined, revision);
  } else if (own) {
    if (!made.lost && !made.machine.named) failLost(made, result);
    apps.waiting--;
  } else again();
}

/** Its node does not know a decision that it has made, and whose loss nothing excuses. */
function failLost({ id, machine }: Made, result: FeedbackResult): never {
  const state = machine.process?.node.state;
  const what =
    state !== undefined && recalls(state, id) ? 'which it remembers' : 'which it made and did not lose';
  return fail('feedback-lost', `${machine.name} says ${JSON.stringify(result)} of ${id}, ${what}`);
}

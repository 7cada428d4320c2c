import type { Balancer, Row } from './balancer.ts';
import { count, type Latencies, latencies } from './latencies.ts';
import { type Line, line } from './line.ts';
import { type Random, stream } from './random.ts';
import { answered, isAt, open, over, type Requests, requests, serving, slotOf } from './requests.ts';
import { type ServerPool, serverPool } from './servers.ts';

/** What is simulated. Times in ms, work in core-ms. */
export interface Scenario {
  readonly clients: number;
  readonly servers: number;
  /** Requests a ms over all clients: open loop, Poisson. */
  readonly ratePerMs: number;
  readonly deadlineMs: number;
  readonly roundTripMs: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The work of a request, drawn when it is sent. */
  readonly work: (random: Random) => number;
  /** The work it turns out to be at a server, at a time; the drawn work by default. */
  readonly workAt?: (server: number, drawnMs: number, nowMs: number) => number;
  /** Cores of a server, drawn at the start and at every change. */
  readonly cores: (random: Random) => number;
  /** Mean time between changes of one server's cores; Infinity: never. */
  readonly coresLastMs: number;
}

/** One simulation under way. */
interface Run {
  readonly scenario: Scenario;
  readonly balancer: Balancer;
  readonly all: Requests;
  readonly pool: ServerPool;
  readonly inFlight: Int32Array;
  readonly answers: Line;
  readonly probesOut: Line;
  readonly probesBack: Line;
  /** Sending times, clients and work: the same for every row. */
  readonly arrivals: Random;
  /** Cores and their changes: the same for every row. */
  readonly capacity: Random;
  readonly seen: Latencies;
  nowMs: number;
  sent: number;
  arrived: number;
  expired: number;
  nextSendMs: number;
  nextChangeMs: number;
  nextTickMs: number;
}

/** Runs one row in one scenario from one seed: the latencies of requests that ended after the warm-up. */
export function simulate(row: Row, scenario: Scenario, seed: number): Latencies {
  const run = start(row, scenario, seed);
  const endMs = scenario.warmUpMs + scenario.measureMs;
  while (step(run, endMs));
  return run.seen;
}

function start(row: Row, scenario: Scenario, seed: number): Run {
  const { clients, servers, deadlineMs, roundTripMs } = scenario;
  const arrivals = stream(seed, 'arrivals');
  const capacity = stream(seed, 'capacity');
  const all = requests();
  const pool = serverPool(servers, (number) => isAt(all, number, serving));
  const inFlight = new Int32Array(clients * servers);
  const probesOut = line();
  const probe = (client: number, server: number): void =>
    probesOut.push(run.nowMs + roundTripMs / 2, client, server);
  const random = stream(seed, row.name);
  const balancer = row.create({ clients, servers, deadlineMs, inFlight, random, pool, probe });
  const run: Run = {
    ...{ scenario, balancer, all, pool, inFlight, arrivals, capacity, probesOut },
    ...{ answers: line(), probesBack: line(), seen: latencies(deadlineMs) },
    ...{ nowMs: 0, sent: 0, arrived: 0, expired: 0, nextSendMs: 0, nextChangeMs: 0 },
    nextTickMs: balancer.tickMs ?? Infinity,
  };
  for (let s = 0; s < servers; s++) pool.resize(s, scenario.cores(capacity), 0);
  run.nextSendMs = arrivals.exponential(1 / scenario.ratePerMs);
  run.nextChangeMs = untilChange(run);
  return run;
}

/** Does the earliest of all that is due; false when the end comes first. */
function step(run: Run, endMs: number): boolean {
  const { all, pool, scenario, answers, probesOut, probesBack } = run;
  const arriveMs =
    run.arrived < run.sent ? all.sentMs[slotOf(run.arrived)] + scenario.roundTripMs / 2 : Infinity;
  const expireMs = run.expired < run.sent ? all.sentMs[slotOf(run.expired)] + scenario.deadlineMs : Infinity;
  const departMs = pool.nextDepartureMs();
  const answerMs = answers.headMs();
  const outMs = probesOut.headMs();
  const backMs = probesBack.headMs();
  let now = Math.min(run.nextSendMs, arriveMs, departMs, answerMs);
  now = Math.min(now, expireMs, run.nextChangeMs, run.nextTickMs, outMs, backMs);
  if (now > endMs) return false;
  run.nowMs = now;
  if (now === departMs) depart(run);
  else if (now === answerMs) answer(run);
  else if (now === arriveMs) arrive(run);
  else if (now === run.nextSendMs) send(run);
  else if (now === expireMs) expire(run);
  else if (now === outMs) probeArrives(run);
  else if (now === backMs) probeReturns(run);
  else if (now === run.nextChangeMs) change(run);
  else tick(run);
  return true;
}

function send(run: Run): void {
  const { scenario, arrivals, all, nowMs } = run;
  const client = arrivals.below(scenario.clients);
  const drawnMs = scenario.work(arrivals);
  const server = run.balancer.choose(client, nowMs);
  const slot = open(all, run.sent++);
  all.client[slot] = client;
  all.server[slot] = server;
  all.sentMs[slot] = nowMs;
  all.workMs[slot] = scenario.workAt ? scenario.workAt(server, drawnMs, nowMs) : drawnMs;
  run.inFlight[client * scenario.servers + server]++;
  run.nextSendMs = nowMs + arrivals.exponential(1 / scenario.ratePerMs);
}

function arrive(run: Run): void {
  const { all, pool } = run;
  const number = run.arrived++;
  const slot = slotOf(number);
  // A deadline shorter than the way there has ended it before it arrives.
  if (all.state[slot] === over) return;
  const server = all.server[slot];
  all.state[slot] = serving;
  all.found[slot] = pool.present[server];
  pool.arrive(server, number, all.workMs[slot], run.nowMs);
  run.balancer.arrived?.(server);
}

function depart(run: Run): void {
  const { all, pool, nowMs } = run;
  const half = run.scenario.roundTripMs / 2;
  const slot = slotOf(pool.depart());
  const server = pool.departed();
  all.state[slot] = answered;
  all.left[slot] = pool.present[server];
  run.balancer.served?.(server, all.found[slot], nowMs - all.sentMs[slot] - half);
  run.answers.push(nowMs + half, all.number[slot]);
}

function answer(run: Run): void {
  const number = run.answers.first();
  run.answers.shift();
  if (isAt(run.all, number, answered)) end(run, slotOf(number), true);
}

/** The client gives up at the deadline, and the server drops the work that is left. */
function expire(run: Run): void {
  const slot = slotOf(run.expired++);
  const was = run.all.state[slot];
  if (was === over) return;
  run.all.state[slot] = over;
  if (was === serving) run.pool.cancel(run.all.server[slot], run.nowMs);
  end(run, slot, false);
}

function end(run: Run, slot: number, ok: boolean): void {
  const { all, scenario, nowMs } = run;
  const client = all.client[slot];
  const server = all.server[slot];
  all.state[slot] = over;
  run.inFlight[client * scenario.servers + server]--;
  const latencyMs = ok ? nowMs - all.sentMs[slot] : scenario.deadlineMs;
  if (nowMs >= scenario.warmUpMs) count(run.seen, latencyMs, ok);
  run.balancer.outcome?.(client, server, latencyMs, ok, ok ? all.left[slot] : -1, nowMs);
}

function change(run: Run): void {
  run.pool.resize(run.capacity.below(run.scenario.servers), run.scenario.cores(run.capacity), run.nowMs);
  run.nextChangeMs = run.nowMs + untilChange(run);
}

function untilChange({ scenario, capacity }: Run): number {
  return scenario.coresLastMs === Infinity
    ? Infinity
    : capacity.exponential(scenario.coresLastMs / scenario.servers);
}

function tick(run: Run): void {
  run.balancer.tick?.(run.nowMs);
  run.nextTickMs = run.nowMs + (run.balancer.tickMs ?? Infinity);
}

function probeArrives({ probesOut, probesBack, balancer, pool, scenario, nowMs }: Run): void {
  const server = probesOut.second();
  const latencyMs = balancer.latencyAt?.(server) ?? 0;
  probesBack.push(
    nowMs + scenario.roundTripMs / 2,
    probesOut.first(),
    server,
    pool.present[server],
    latencyMs,
  );
  probesOut.shift();
}

function probeReturns({ probesBack, balancer, nowMs }: Run): void {
  balancer.probed?.(probesBack.first(), probesBack.second(), probesBack.third(), probesBack.fourth(), nowMs);
  probesBack.shift();
}

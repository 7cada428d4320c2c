import type { Balancer, Row } from './balancer.ts';
import { count, type Latencies, latencies } from './latencies.ts';
import { type Random, stream } from './random.ts';
import { serverPool } from './servers.ts';

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

const RING = 1 << 18;
const SENT = 1;
const SERVING = 2;
const ANSWERED = 3;
const OVER = 4;

/** Runs one row in one scenario from one seed: the latencies of requests that ended after the warm-up. */
export function simulate(row: Row, scenario: Scenario, seed: number): Latencies {
  const { clients, servers, deadlineMs, roundTripMs, warmUpMs } = scenario;
  const half = roundTripMs / 2;
  const arrivals = stream(seed, 'arrivals');
  const capacity = stream(seed, 'capacity');
  const endMs = warmUpMs + scenario.measureMs;
  const seen = latencies(deadlineMs);
  // Requests are numbered; number mod RING is the slot. Sending order is also the order of arrival and of deadlines.
  const clientOf = new Int16Array(RING);
  const serverOf = new Int16Array(RING);
  const sentMs = new Float64Array(RING);
  const workMs = new Float64Array(RING);
  const found = new Int32Array(RING);
  const load = new Int32Array(RING);
  const state = new Uint8Array(RING);
  const numberOf = new Float64Array(RING).fill(-1);
  const isLive = (n: number): boolean => numberOf[n & (RING - 1)] === n && state[n & (RING - 1)] === SERVING;
  const pool = serverPool(servers, isLive);
  const inFlight = new Int32Array(clients * servers);
  const answers = line(RING);
  const probesOut = line(RING);
  const probesBack = line(RING);
  let nowMs = 0;
  const probe = (client: number, server: number): void => probesOut.push(nowMs + half, client, server, 0);
  const random = stream(seed, row.name);
  const world = { clients, servers, deadlineMs, inFlight, random, pool, probe };
  const balancer: Balancer = row.create(world);
  for (let s = 0; s < servers; s++) pool.resize(s, scenario.cores(capacity), 0);

  let sent = 0;
  let arrived = 0;
  let expired = 0;
  let nextSendMs = arrivals.exponential(1 / scenario.ratePerMs);
  const changeMeanMs = scenario.coresLastMs / servers;
  let nextChangeMs = Number.isFinite(changeMeanMs) ? capacity.exponential(changeMeanMs) : Infinity;
  let nextTickMs = balancer.tickMs ?? Infinity;

  const send = (): void => {
    const slot = sent & (RING - 1);
    if (numberOf[slot] >= 0 && state[slot] !== OVER) throw new Error('more requests under way than the ring holds');
    const client = arrivals.below(clients);
    const drawn = scenario.work(arrivals);
    const server = balancer.choose(client, nowMs);
    clientOf[slot] = client;
    serverOf[slot] = server;
    sentMs[slot] = nowMs;
    workMs[slot] = scenario.workAt ? scenario.workAt(server, drawn, nowMs) : drawn;
    state[slot] = SENT;
    numberOf[slot] = sent++;
    inFlight[client * servers + server]++;
    nextSendMs = nowMs + arrivals.exponential(1 / scenario.ratePerMs);
  };
  const arrive = (): void => {
    const slot = arrived & (RING - 1);
    const server = serverOf[slot];
    state[slot] = SERVING;
    found[slot] = pool.present[server];
    pool.arrive(server, arrived++, workMs[slot], nowMs);
  };
  const depart = (): void => {
    const slot = pool.depart() & (RING - 1);
    const server = pool.departed();
    state[slot] = ANSWERED;
    load[slot] = pool.present[server];
    balancer.served?.(server, found[slot], nowMs - sentMs[slot] - half);
    answers.push(nowMs + half, numberOf[slot], 0, 0);
  };
  const end = (slot: number, ok: boolean): void => {
    const client = clientOf[slot];
    const server = serverOf[slot];
    state[slot] = OVER;
    inFlight[client * servers + server]--;
    const latencyMs = ok ? nowMs - sentMs[slot] : deadlineMs;
    if (nowMs >= warmUpMs) count(seen, latencyMs, ok);
    balancer.outcome?.(client, server, latencyMs, ok, ok ? load[slot] : -1, nowMs);
  };
  const answer = (): void => {
    const slot = answers.first() & (RING - 1);
    const live = numberOf[slot] === answers.first() && state[slot] === ANSWERED;
    answers.shift();
    if (live) end(slot, true);
  };
  const expire = (): void => {
    const slot = expired++ & (RING - 1);
    if (state[slot] === OVER) return;
    const wasServing = state[slot] === SERVING;
    state[slot] = OVER;
    if (wasServing) pool.cancel(serverOf[slot], nowMs);
    end(slot, false);
  };
  const change = (): void => {
    pool.resize(capacity.below(servers), scenario.cores(capacity), nowMs);
    nextChangeMs = nowMs + capacity.exponential(changeMeanMs);
  };
  const probeArrives = (): void => {
    const server = probesOut.second();
    const latency = balancer.latencyAt ? balancer.latencyAt(server) : 0;
    probesBack.push(nowMs + half, probesOut.first(), server, pool.present[server], latency);
    probesOut.shift();
  };
  const probeReturns = (): void => {
    balancer.probed?.(probesBack.first(), probesBack.second(), probesBack.third(), probesBack.fourth(), nowMs);
    probesBack.shift();
  };

  for (;;) {
    const arriveMs = arrived < sent ? sentMs[arrived & (RING - 1)] + half : Infinity;
    const expireMs = expired < sent ? sentMs[expired & (RING - 1)] + deadlineMs : Infinity;
    const departMs = pool.nextDepartureMs();
    nowMs = Math.min(nextSendMs, arriveMs, departMs, answers.headMs(), expireMs, nextChangeMs, nextTickMs);
    nowMs = Math.min(nowMs, probesOut.headMs(), probesBack.headMs());
    if (nowMs > endMs) return seen;
    if (nowMs === departMs) depart();
    else if (nowMs === answers.headMs()) answer();
    else if (nowMs === arriveMs) arrive();
    else if (nowMs === nextSendMs) send();
    else if (nowMs === expireMs) expire();
    else if (nowMs === probesOut.headMs()) probeArrives();
    else if (nowMs === probesBack.headMs()) probeReturns();
    else if (nowMs === nextChangeMs) change();
    else {
      balancer.tick?.(nowMs);
      nextTickMs = nowMs + balancer.tickMs!;
    }
  }
}

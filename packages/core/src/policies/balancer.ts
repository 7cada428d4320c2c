import { type Moments, type MomentsEvidence, moments, W, WX } from '../learners/moments.ts';
import { duration, number, type Options, rejectUnknown, text } from '../options.ts';
import type { Outcome, Policy, PolicyInput, ViewInput } from '../policy.ts';
import type { Factory } from '../registry.ts';
import {
  type BalancerOptions,
  type BalancerScratch,
  type BalancerState,
  balancerChoice,
  balancerDefaults,
  balancerScratch,
  balancerSettled,
  balancerState,
  rearmBalancer,
} from './balancer-choice.ts';
import { fillUniform } from './distribution.ts';

/** What one node knows of its arms at this moment. Local, all but the latencies that others saw. */
export interface BalancerView {
  readonly keys: readonly string[];
  readonly state: BalancerState;
  readonly scratch: BalancerScratch;
  /** Requests sent and thought open, and the sum of the times they were sent at, by arm. */
  readonly open: Float64Array;
  readonly sinceMs: Float64Array;
  /** Requests in flight as the last proposal was told, until the decision that follows it has been counted. */
  readonly told: Int32Array;
  fresh: boolean;
}

/**
 * `{ kind: balancer }`: a learned choice of backend modulated by requests in flight (`balancer-choice.ts` has the
 * mathematics). It reads the metrics `latencyMs` and `success` or `error`; failures are charged the deadline.
 *
 * - `deadline` (5s): what a failure costs, and the most any latency counts.
 * - `candidates` (16), `sharpness` (8), `halfLife` (5s), `memory` (32 answers), `priorWeight` (0.5), `expected` (10ms),
 *   `warnFactor` (4): as `BalancerOptions` says.
 * - `metric` (latencyMs): another cost to keep low, in milliseconds or any unit of its own.
 *
 * Its evidence is the moments of the charged latency: totals over the tree, which a node takes as warnings of slow arms.
 * The confidence is NaN always: what an arm is worth depends on how much of the traffic it gets, so no comparison of
 * arms says what another split would have been worth. Compare with a holdout.
 */
export const balancer: Factory<Policy> = (declared, input) => {
  const { options, metric } = read(declared, input.path);
  const evidence = moments({ range: [0, options.deadlineMs], halfLifeMs: options.halfLifeMs });
  const policy: Policy<Moments, BalancerView | undefined> = {
    name: 'balancer/1',
    evidence,
    additive: true,
    looksAt: 'requests in flight',
    view: (_own, others, at, previous) => {
      const view = viewFor(at, previous);
      hearOthers(view, others, evidence, at);
      return view;
    },
    propose: (view, at, out) => {
      out.confidence = Number.NaN;
      if (view === undefined || view.keys.length !== at.arms) {
        fillUniform(at, out);
        return;
      }
      countOpen(view, at);
      balancerChoice(view.state, at.arms, at.allowed, at.inflight, options, at.nowMs, view.scratch, out.p);
    },
    learn: (own, outcome) => {
      const cost = chargedMs(outcome, metric, options.deadlineMs);
      if (!Number.isNaN(cost))
        evidence.record(own, outcome.armKey, cost, outcome.sign * outcome.weight, outcome.atMs);
      return own;
    },
    sent: (view, arm, nowMs) => {
      if (view === undefined || arm >= view.keys.length) return;
      if (view.fresh) forgetEnded(view);
      view.open[arm]++;
      view.sinceMs[arm] += nowMs;
    },
    settled: (view, arm, outcome, nowMs) => {
      if (view === undefined || arm >= view.keys.length) return;
      const cost = chargedMs(outcome, metric, options.deadlineMs);
      if (Number.isNaN(cost)) return;
      balancerSettled(view.state, arm, nowMs - cost, cost, options, nowMs);
    },
  };
  return policy as Policy;
};

function read(declared: Options, path: string): { options: BalancerOptions; metric: string } {
  const known = ['candidates', 'sharpness', 'halfLife', 'memory', 'priorWeight', 'warnFactor', 'expected'];
  rejectUnknown(declared, [...known, 'deadline', 'metric'], path);
  const d = balancerDefaults;
  const deadlineMs = duration(declared, 'deadline', { min: 1, default: d.deadlineMs }, path);
  const options: BalancerOptions = {
    candidates: number(
      declared,
      'candidates',
      { min: 1, max: 1024, integer: true, default: d.candidates },
      path,
    ),
    sharpness: number(declared, 'sharpness', { min: 0, max: 64, integer: true, default: d.sharpness }, path),
    halfLifeMs: duration(declared, 'halfLife', { min: 10, default: d.halfLifeMs }, path),
    maxWeight: number(declared, 'memory', { min: 1, max: 1e6, default: d.maxWeight }, path),
    priorWeight: number(declared, 'priorWeight', { min: 0.01, max: 1000, default: d.priorWeight }, path),
    warnFactor: number(declared, 'warnFactor', { min: 0, max: 1e6, default: d.warnFactor }, path),
    expectedMs: duration(
      declared,
      'expected',
      { min: 0.001, max: deadlineMs, default: Math.min(d.expectedMs, deadlineMs) },
      path,
    ),
    deadlineMs,
  };
  return { options, metric: text(declared, 'metric', 'latencyMs', path) };
}

/**
 * What an outcome cost: the deadline where it failed, else the metric, cut to [0, deadline]; NaN where neither is known.
 * By the convention of guards, `success` says whether it failed, else `error`.
 */
function chargedMs(outcome: Outcome, metric: string, deadlineMs: number): number {
  const { metrics } = outcome;
  const failed = metrics.success !== undefined ? metrics.success < 0.5 : (metrics.error ?? 0) > 0;
  if (failed) return deadlineMs;
  const cost = metrics[metric];
  return cost === undefined ? Number.NaN : Math.min(deadlineMs, Math.max(0, cost));
}

/** The previous view goes on; where the arms changed, with what is known of those that stay. */
function viewFor(at: ViewInput, previous: BalancerView | undefined): BalancerView {
  const keys = at.arms.map((arm) => arm.key);
  if (previous !== undefined && keys.length === previous.keys.length)
    if (keys.every((key, i) => key === previous.keys[i])) return previous;
  const arms = keys.length;
  const view: BalancerView = {
    keys,
    state: balancerState(arms),
    scratch: balancerScratch(arms),
    open: new Float64Array(arms),
    sinceMs: new Float64Array(arms),
    told: new Int32Array(arms),
    fresh: false,
  };
  if (previous === undefined) return view;
  const from = Int32Array.from(keys, (key) => previous.keys.indexOf(key));
  from.forEach((old, arm) => {
    if (old < 0) return;
    view.open[arm] = previous.open[old];
    view.sinceMs[arm] = previous.sinceMs[old];
  });
  return { ...view, state: rearmBalancer(previous.state, from) };
}

function hearOthers(view: BalancerView, others: Moments, evidence: MomentsEvidence, at: ViewInput): void {
  const fade = evidence.decayTo(others, at.nowMs);
  view.keys.forEach((key, arm) => {
    const row = others.arms.get(key);
    // Less than one outcome's weight by now is hearsay.
    const heard = row !== undefined && row[W] * fade >= 1;
    view.state.elsewhereMs[arm] = heard ? evidence.centre + row[WX] / row[W] : Number.NaN;
  });
}

/**
 * Requests in flight and their ages, for the choice: the pipeline's count is the truth (an answer, a release and an
 * expiry all end a request), and those that ended since are taken to have been of mean age. Changes no knowledge.
 */
function countOpen(view: BalancerView, at: PolicyInput): void {
  const { state, open, sinceMs, told } = view;
  for (let a = 0; a < at.arms; a++) {
    const now = at.inflight[a];
    told[a] = now;
    state.open[a] = now;
    state.openSinceMs[a] = sinceOf(open[a], sinceMs[a], now, at.nowMs);
  }
  view.fresh = true;
}

function sinceOf(open: number, sinceMs: number, now: number, nowMs: number): number {
  if (now === open) return sinceMs;
  return now < open ? (sinceMs * now) / open : sinceMs + (now - open) * nowMs;
}

/** After a proposal a decision is counted: what ended before it is forgotten for good. */
function forgetEnded(view: BalancerView): void {
  view.fresh = false;
  const { open, sinceMs, told } = view;
  for (let a = 0; a < open.length; a++) {
    if (told[a] >= open[a]) continue;
    sinceMs[a] = (sinceMs[a] * told[a]) / open[a];
    open[a] = told[a];
  }
}

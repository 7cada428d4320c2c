import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GanglionError, isGanglionError, type LoggedDecision } from '@ganglion/core';
import {
  differenceOf,
  ESTIMATORS,
  MIN_RARE,
  overlapOf,
  REFUSAL_RULE,
  rareAmong,
  refusalsOf,
  type Sample,
  valueOfTerms,
} from '@ganglion/core/ope';
import { parse } from 'yaml';
import { type Candidate, declaredCandidate } from '../evaluation/candidate.ts';
import type { DecisionLog } from '../evaluation/decision-log.ts';
import { sampleFor } from '../evaluation/evaluate-log.ts';
import { pointLog } from '../evaluation/node-log.ts';
import type { CommandStep, GateRule } from './plan.ts';
import { runCommand, type Stopping } from './step.ts';

/** What the gate is asked: whether a candidate may replace the champion, by decisions that its training has not seen. */
export interface GateQuestion {
  readonly point: string;
  readonly decisions: readonly LoggedDecision[];
  readonly candidateFile: string;
  readonly championFile: string;
  readonly predict: CommandStep | undefined;
  readonly rule: GateRule;
  /** Commands run here; what they say goes into `folder`. */
  readonly cwd: string;
  readonly folder: string;
}

export interface GateVerdict {
  readonly passed: boolean;
  readonly why: string;
  readonly decisions: number;
  /** Doubly robust values; null where the evidence was refused. */
  readonly candidate: number | null;
  readonly champion: number | null;
  /** candidate − champion, row by row, with its interval. */
  readonly difference: { readonly value: number; readonly low: number; readonly high: number } | null;
}

const FOLDS = 5;
const SEED = 1;

/**
 * Promotes what is shown to be no worse than the champion by more than the margin, and does not look worse: the lower end of
 * the interval of the paired doubly robust difference is above −margin, and its value is not below 0. Evidence that is too
 * thin for either of the two is no evidence: what `evaluate` refuses, and fewer than five outcomes of the rarer kind among the
 * effective rows of either.
 */
export async function judge(
  question: GateQuestion,
  signal: AbortSignal,
  stopping?: Stopping,
): Promise<GateVerdict> {
  const { rule, point, decisions } = question;
  const log = pointLog(decisions, point, 'the holdout');
  if (log.rows < rule.minDecisions)
    return refused(
      log,
      `the holdout has ${log.rows} decisions with outcomes, of ${rule.minDecisions} needed`,
    );
  const [candidate, champion] = [
    await policyOf(question, log, 'candidate', signal, stopping).catch(unjudgeable),
    await policyOf(question, log, 'champion', signal, stopping).catch(unjudgeable),
  ];
  if (typeof candidate === 'string')
    return refused(log, `of the candidate the log says nothing: ${candidate}`);
  if (typeof champion === 'string') return refused(log, `of the champion the log says nothing: ${champion}`);
  const by = { folds: FOLDS, seed: SEED };
  const [ours, theirs] = [sampleFor(log, candidate, by), sampleFor(log, champion, by)];
  const sides = [
    ['the candidate', ours],
    ['the champion', theirs],
  ] as const;
  for (const [who, { sample, unsupported }] of sides) {
    const [refusal] = refusalsOf(overlapOf(sample, unsupported), REFUSAL_RULE);
    if (refusal !== undefined) return refused(log, `of ${who} the log says too little: ${refusal.why}`);
  }
  // Of what the log never did, anything may be true.
  const unsupported = (ours.unsupported ?? 1) + (theirs.unsupported ?? 1);
  const { range } = log;
  const difference = differenceOf(ours.sample, theirs.sample, {
    range,
    unsupported,
    level: rule.level,
    seed: SEED,
  });
  const { value, low, high } = difference;
  const differs = low !== 0 || high !== 0;
  for (const [who, { sample }] of differs ? sides : []) {
    const rare = rareAmong(sample, overlapOf(sample).effective, range);
    if (rare < MIN_RARE)
      return refused(
        log,
        `of ${who} the log says too little: its effective rows are worth ${shown(rare)} of the rarer outcomes (at least ${MIN_RARE})`,
      );
  }
  const found = {
    decisions: log.rows,
    candidate: worthOf(ours.sample),
    champion: worthOf(theirs.sample),
    difference: { value, low, high },
  };
  const margin = rule.margin ?? marginOf(found.champion, range);
  const said = `${shown(found.candidate)} beside ${shown(found.champion)}, difference ${shown(value)} [${shown(low)}, ${shown(high)}] over ${log.rows} held-out decisions`;
  if (value < 0 && high < 0) return { passed: false, why: `worse than the champion: ${said}`, ...found };
  if (value < 0 || low < -margin)
    return {
      passed: false,
      why: `not shown to be as good as the champion: ${said}, margin ${shown(margin)}`,
      ...found,
    };
  return { passed: true, why: `no worse than the champion: ${said}`, ...found };
}

const shown = (value: number): string => String(Number(value.toPrecision(3)));

/** Why a log cannot judge a policy; other errors are thrown on. */
function unjudgeable(error: unknown): string {
  if (isGanglionError(error, 'not_replayable') || isGanglionError(error, 'unknown_field'))
    return `${error.code}: ${error.message}`;
  throw error;
}

const refused = (log: DecisionLog, why: string): GateVerdict => ({
  passed: false,
  why,
  decisions: log.rows,
  candidate: null,
  champion: null,
  difference: null,
});

/** A model file as a policy over the log: what its program says, or the declaration that it is. */
async function policyOf(
  { candidateFile, championFile, predict, cwd, folder }: GateQuestion,
  log: DecisionLog,
  who: 'candidate' | 'champion',
  signal: AbortSignal,
  stopping: Stopping | undefined,
): Promise<Candidate> {
  const file = who === 'candidate' ? candidateFile : championFile;
  if (predict !== undefined) {
    const outFile = join(folder, `${who}.jsonl`);
    const env = { GANGLION_MODEL_FILE: file };
    await runCommand(predict, { cwd, env, signal, stopping, input: contextLines(log), outFile });
    return predictedCandidate(log, who, await readFile(outFile, 'utf8'));
  }
  let declaration: unknown;
  try {
    declaration = parse(await readFile(file, 'utf8'), { maxAliasCount: 100 });
  } catch {
    declaration = undefined;
  }
  if (typeof declaration !== 'object' || declaration === null || !('policy' in declaration))
    throw new GanglionError('invalid_input', `the ${who} is no declaration with a policy`, {
      field: 'predict',
      mend: 'Give the plan a predict command that says what the model would do.',
    });
  return declaredCandidate(log, declaration, who, { folds: FOLDS, seed: SEED });
}

/** What was known when it was decided, a line a decision; nothing of what was done, and what came of it. */
function contextLines(log: DecisionLog): string {
  const lines: string[] = [];
  for (let row = 0; row < log.rows; row++) {
    const context: Record<string, unknown> = {};
    for (const [name, column] of log.context) {
      const value = column[row];
      if (value !== null && !Number.isNaN(value)) context[name] = value;
    }
    lines.push(JSON.stringify({ arms: log.arms, context }));
  }
  return `${lines.join('\n')}\n`;
}

/** Lines of `"ARM"` or `{ "ARM": probability, … }`, one for each row. */
function predictedCandidate(log: DecisionLog, name: string, text: string): Candidate {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length !== log.rows)
    throw malformed(`${lines.length} predictions came for ${log.rows} decisions`);
  const p = lines.map((line, row) => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw malformed(`prediction ${row + 1} is not JSON`);
    }
    const given = typeof value === 'string' ? { [value]: 1 } : value;
    const out = new Float64Array(log.arms.length);
    let sum = 0;
    for (const [arm, share] of Object.entries((given ?? {}) as Record<string, unknown>)) {
      const at = log.arms.indexOf(arm);
      if (typeof share !== 'number' || !(share >= 0 && share <= 1))
        throw malformed(`prediction ${row + 1} is no distribution`);
      if (at >= 0) out[at] = share;
      sum += share;
    }
    if (Math.abs(sum - 1) > 1e-6) throw malformed(`prediction ${row + 1} adds up to ${sum}`);
    return out;
  });
  return { name, how: 'by its predict command', fill: (row, out) => out.set(p[row]) };
}

const malformed = (message: string): GanglionError =>
  new GanglionError('invalid_input', message, {
    field: 'predict',
    mend: 'Print one line of JSON for each line that comes in: an arm, or its probabilities by arm.',
  });

/** Doubly robust; both candidates are read by the same model of the rewards. */
const worthOf = (sample: Sample): number => valueOfTerms(ESTIMATORS.dr.terms(sample));

/**
 * 1 % of the range, but no more than a tenth of the champion's distance to the nearer end of it: where one in 250 clicks, or
 * one in 250 fails, 1 % of the range is more than all there is to lose.
 */
function marginOf(champion: number, [low, high]: readonly [number, number]): number {
  const distance = Math.min(champion - low, high - champion);
  return Math.max(0, Math.min(0.01 * (high - low), 0.1 * distance));
}

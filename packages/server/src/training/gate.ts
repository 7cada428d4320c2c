import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GanglionError, type LoggedDecision } from '@ganglion/core';
import {
  bcaInterval,
  ESTIMATORS,
  meanTerms,
  normalInterval,
  overlapOf,
  REFUSAL_RULE,
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
 * thin for either of the two is no evidence.
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
    await policyOf(question, log, 'candidate', signal, stopping),
    await policyOf(question, log, 'champion', signal, stopping),
  ];
  const by = { folds: FOLDS, seed: SEED };
  const [ours, theirs] = [sampleFor(log, candidate, by), sampleFor(log, champion, by)];
  for (const [who, { sample, unsupported }] of [
    ['the candidate', ours],
    ['the champion', theirs],
  ] as const) {
    const [refusal] = refusalsOf(overlapOf(sample, unsupported), REFUSAL_RULE);
    if (refusal !== undefined) return refused(log, `of ${who} the log says too little: ${refusal.why}`);
  }
  const [mine, other] = [termsOf(ours.sample), termsOf(theirs.sample)];
  const apart = meanTerms(mine.map((value, i) => value - other[i]));
  const value = valueOfTerms(apart);
  const varies = mine.some((each, i) => each !== other[i]);
  const { low: from, high: to } = !varies
    ? { low: 0, high: 0 }
    : log.rows < 1000
      ? normalInterval(apart, rule.level)
      : bcaInterval(apart, { level: rule.level, seed: SEED, resamples: 1000 });
  const width = log.range[1] - log.range[0];
  // Of what the log never did, anything may be true.
  const room = ((ours.unsupported ?? 1) + (theirs.unsupported ?? 1)) * width;
  const [low, high] = [from - room, to + room];
  const margin = rule.margin ?? 0.01 * width;
  const found = {
    decisions: log.rows,
    candidate: valueOfTerms(meanTerms(mine)),
    champion: valueOfTerms(meanTerms(other)),
    difference: { value, low, high },
  };
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

/** One doubly robust value a row; both candidates are read by the same model of the rewards. */
const termsOf = (sample: Sample): Float64Array => ESTIMATORS.dr.terms(sample).mean as Float64Array;

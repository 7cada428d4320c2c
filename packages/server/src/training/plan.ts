import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type CusumOptions, GanglionError, options as read } from '@ganglion/core';
import { parse } from 'yaml';
import { CADENCES, type Cadence, type Trained } from './windows.ts';

/** What a training step may know: the data up to the holdout, and where things are. */
export interface TrainingWindow {
  readonly model: string;
  /** Of the decisions in the log, ms since the epoch; the end is excluded. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The decisions with their outcomes, by time, one JSON object a line. */
  readonly logFile: string;
  /** The champion's artifact; null where there is none, or it is not kept here. */
  readonly championFile: string | null;
  /** Empty, the run's own, and gone with it. */
  readonly folder: string;
}

/** What came of it. */
export interface TrainedModel {
  readonly bytes: Uint8Array;
  /** As measured by the step itself; they go into the registry. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

/** A program: started without a shell, in the folder of the plan, and ended with all it started when its time is up. */
export interface CommandStep {
  readonly command: readonly string[];
  readonly timeoutMs: number;
}

/** A function of the program that embeds the daemon. */
export interface FunctionStep {
  readonly run: (window: TrainingWindow, signal: AbortSignal) => Promise<TrainedModel>;
  readonly timeoutMs: number;
}

/** How a model is trained anew, and what it takes to replace the champion. */
export interface ModelPlan extends Trained {
  /** Whose decisions it learns from. */
  readonly point: string;
  /** How far back, ms. */
  readonly dataMs: number;
  /** The latest share of the decisions: never shown to the training, judged on by the gate. */
  readonly holdout: number;
  readonly train: CommandStep | FunctionStep;
  /** Says what a model file would do; undefined: the file is a declaration with a policy. */
  readonly predict: CommandStep | undefined;
  readonly gate: GateRule;
  readonly triggers: {
    /** Actions in the audit that ask for a run, where they are about the point. */
    readonly audit: readonly string[];
    /** A detector on a yes-or-no metric of the point's outcomes, on the nodes of this process. */
    readonly drift: (CusumOptions & { readonly metric: string }) | undefined;
  };
}

export interface GateRule {
  /**
   * How much less than the champion's the value may be, in units of the reward; default 1 % of its range, but no more than a
   * tenth of the distance from the champion's value to the nearer end of it.
   */
  readonly margin: number | undefined;
  /** Fewest decisions of the holdout. */
  readonly minDecisions: number;
  /** Of the interval of the difference. */
  readonly level: number;
}

export interface TrainingPlan {
  readonly windowMs: number;
  /** Commands run here. */
  readonly folder: string;
  readonly models: readonly ModelPlan[];
}

const DAY_MS = 86_400_000;
const LEAST_WINDOW_MS = 60_000;

/** @throws GanglionError `invalid_input` where the file cannot be read, `invalid_spec` naming what is wrong in it */
export function readPlan(file: string): TrainingPlan {
  let value: unknown;
  try {
    value = parse(readFileSync(file, 'utf8'), { maxAliasCount: 100 });
  } catch (cause) {
    throw new GanglionError('invalid_input', `${file}: ${(cause as Error).message.split('\n')[0]}`, {
      field: '--training',
      value: file,
      mend: 'Give a readable file in YAML or JSON.',
      cause,
    });
  }
  return planOf(value, dirname(resolve(file)));
}

/** @throws GanglionError `invalid_spec` */
export function planOf(value: unknown, folder: string): TrainingPlan {
  const top = read.object(value, 'training plan');
  read.onlyKeys(top, ['window', 'models'], '');
  const windowMs = read.duration(
    top,
    'window',
    { min: LEAST_WINDOW_MS, max: DAY_MS, default: 3_600_000 },
    '',
  );
  if (DAY_MS % windowMs !== 0)
    read.refuse('', 'window', top.window, 'is no whole part of a day', 'Give 1h, 30m or 15m, say.');
  const models = read.object(top.models, 'models');
  return {
    windowMs,
    folder,
    models: Object.keys(models).map((model) => modelPlan(model, models[model], windowMs)),
  };
}

const KEYS = ['point', 'cadence', 'shares', 'data', 'holdout', 'train', 'predict', 'gate', 'triggers'];

function modelPlan(model: string, value: unknown, windowMs: number): ModelPlan {
  const at = `models.${model}`;
  const spec = read.object(value, at);
  read.onlyKeys(spec, KEYS, at);
  const point = read.text(spec, 'point', undefined, at);
  const gate = read.object(spec.gate ?? {}, `${at}.gate`);
  read.onlyKeys(gate, ['margin', 'minDecisions', 'level'], `${at}.gate`);
  const train = commandStep(spec.train, `${at}.train`, windowMs);
  const predict =
    spec.predict === undefined ? undefined : commandStep(spec.predict, `${at}.predict`, windowMs);
  if (train.timeoutMs + 2 * (predict?.timeoutMs ?? 0) > windowMs)
    read.refuse(
      at,
      'train',
      spec.train,
      'may take longer than a window',
      'Give shorter timeouts, or longer windows.',
    );
  return {
    model,
    point,
    cadence: read.choice(spec, 'cadence', Object.keys(CADENCES) as Cadence[], undefined, at),
    // What is learned from one log is learned from the same data.
    shares: [...names(spec, 'shares', at), `point:${point}`],
    dataMs: read.duration(spec, 'data', { min: 60_000, max: 400 * DAY_MS, default: 7 * DAY_MS }, at),
    holdout: read.share(spec, 'holdout', { min: 0.05, max: 0.5, default: 0.2 }, at),
    train,
    predict,
    gate: {
      margin: read.given(gate, 'margin') ? read.number(gate, 'margin', { min: 0 }, `${at}.gate`) : undefined,
      minDecisions: read.number(
        gate,
        'minDecisions',
        { min: 100, integer: true, default: 500 },
        `${at}.gate`,
      ),
      level: read.number(gate, 'level', { min: 0.5, max: 0.9999, default: 0.95 }, `${at}.gate`),
    },
    triggers: triggersOf(spec.triggers ?? {}, `${at}.triggers`),
  };
}

function commandStep(value: unknown, at: string, windowMs: number): CommandStep {
  const step = read.object(value, at);
  read.onlyKeys(step, ['command', 'timeout'], at);
  const command = read.list(step, 'command', at).map((word) => {
    if (typeof word !== 'string' || word.includes('\0'))
      read.refuse(at, 'command', word, 'must be words', 'Write [program, argument, …].');
    return word as string;
  });
  const most = { min: 1000, max: windowMs, default: Math.min(600_000, windowMs / 4) };
  return { command, timeoutMs: read.duration(step, 'timeout', most, at) };
}

function triggersOf(value: unknown, at: string): ModelPlan['triggers'] {
  const triggers = read.object(value, at);
  read.onlyKeys(triggers, ['audit', 'drift'], at);
  const audit = read.given(triggers, 'audit')
    ? names(triggers, 'audit', at)
    : ['learner.freeze', 'learner.decay'];
  if (triggers.drift === undefined) return { audit, drift: undefined };
  const drift = read.object(triggers.drift, `${at}.drift`);
  read.onlyKeys(drift, ['metric', 'from', 'to', 'falseAlarmEvery'], `${at}.drift`);
  const rate = (key: string): number => read.number(drift, key, { min: 0.0001, max: 0.9999 }, `${at}.drift`);
  const falseAlarmEvery = read.number(
    drift,
    'falseAlarmEvery',
    { min: 10, max: 1e7, default: 1e5 },
    `${at}.drift`,
  );
  const metric = read.text(drift, 'metric', undefined, `${at}.drift`);
  return { audit, drift: { metric, from: rate('from'), to: rate('to'), falseAlarmEvery } };
}

function names(options: read.Options, key: string, at: string): string[] {
  if (!read.given(options, key)) return [];
  return read.list(options, key, at, 0).map((each) => {
    if (typeof each !== 'string' || each === '' || each.length > 128)
      read.refuse(at, key, each, 'must be names', 'Write a list of words.');
    return each as string;
  });
}

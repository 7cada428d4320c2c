import { GanglionError } from '@ganglion/core';
import type { EvaluateAnswer, EvaluateRequest } from '@ganglion/sdk';
import { declaredCandidate, refuseUnknownKind } from './candidate.ts';
import { withRange } from './decision-log.ts';
import { evaluateLog } from './evaluate-log.ts';
import { byTimeAndId, nodeOf, pointLog, readNodeLogs, storesIn } from './node-log.ts';

/** What a process of its own is asked to find out. Plain data: it goes over a pipe. */
export interface EvaluationJob {
  readonly point: string;
  /** Where the nodes keep their stores, which of them, and where copies may be made. */
  readonly data: string;
  readonly nodes: readonly string[];
  readonly folder: string;
  readonly request: EvaluateRequest;
}

/** Decisions that an evaluation rests on where the request does not say. */
const ROWS = 50_000;

/**
 * Evaluates a candidate on the newest decisions of a point in the stores of these nodes.
 *
 * @throws GanglionError `unknown_point` where none of them has decided it; `invalid_spec`, `unknown_kind` or `invalid_input`
 *   for a candidate that does not fit, and what a damaged store throws
 */
export async function runEvaluation(job: EvaluationJob): Promise<EvaluateAnswer> {
  const { point, request, data, folder } = job;
  const { candidate, range, level = 0.95, seed = 1, folds = 5, rows = ROWS } = request;
  if (range !== undefined && !(range[0] < range[1]))
    throw new GanglionError('invalid_input', 'range is not from low to high', {
      field: 'range',
      value: range,
    });
  refuseUnknownKind(candidate);
  const here = new Set(storesIn(data).map((file) => nodeOf(data, file)));
  const nodes = job.nodes.filter((node) => here.has(node));
  const sinceMs = request.sinceMs;
  const logs = await readNodeLogs(data, { point, nodes, most: rows, sinceMs, folder });
  const all = logs.flatMap((log) => log.decisions).sort(byTimeAndId);
  const decisions = all.slice(Math.max(0, all.length - rows));
  const older = logs.reduce((sum, log) => sum + log.older, all.length - decisions.length);
  const whole = pointLog(decisions, point, 'own log');
  const log = range === undefined ? whole : withRange(whole, range);
  const options = { folds, seed };
  const evaluated = evaluateLog(
    log,
    declaredCandidate(log, candidate, request.name ?? 'candidate', options),
    {
      ...options,
      level,
      estimators: request.estimators,
      interval: request.interval ?? 'bca',
      resamples: request.resamples ?? 500,
      clip: request.clip,
      rule: request.minEffective === undefined ? undefined : { minEffective: request.minEffective },
    },
  );
  return {
    point,
    nodes,
    log: {
      name: log.name,
      rows: log.rows,
      arms: log.arms.length,
      skipped: log.skipped,
      value: evaluated.logged,
      fromMs: decisions[0]?.atMs ?? null,
      toMs: decisions.at(-1)?.atMs ?? null,
      older,
    },
    level,
    seed,
    candidates: [evaluated],
  };
}

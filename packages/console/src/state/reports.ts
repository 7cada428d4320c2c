import { type MergedReport, mergeReports } from '../select/merge.ts';
import { lossSample } from '../select/validation.ts';
import type { PointReport, ReportAnswer } from '../wire.ts';
import {
  historyKey,
  type Instant,
  type PointReports,
  SAMPLES_KEPT,
  type Sample,
  type State,
} from './model.ts';
import { withTracks } from './tracks.ts';

/** Samples closer together than this are one: reports of one round must not crowd the chart. */
const SAMPLE_EVERY_MS = 700;

/** Of more nodes than this a point's history is that of the whole alone. */
const NODE_SERIES = 24;

/**
 * A whole answer: the report of the whole tree, beside that of each node. Of the answering node the tree's is kept, which
 * is what it says of itself in the stream too.
 */
export function withAnswer(state: State, { report, nodes }: ReportAnswer, at: Instant): State {
  if (nodes.length === 0) return withWhole(state, report, at);
  const below = nodes.filter((own) => own.node !== report.node);
  const given = below.length > 0;
  const own = given ? below : [report];
  const reports: PointReports = {
    answering: report.node,
    given,
    merged: { value: { ...report, bounds: false }, heardMs: at.nowMs },
    nodes: Object.fromEntries(own.map((one) => [one.node, { value: one, heardMs: at.nowMs }])),
  };
  const sampled =
    own.length > NODE_SERIES
      ? state.history
      : own.reduce(
          (history, one) => withSample(history, historyKey(report.point, one.node), one, at),
          state.history,
        );
  return withMerged({ ...state, history: sampled }, report.point, reports, at);
}

/** The whole alone, of a large tree: what was known of single nodes stays. */
function withWhole(state: State, report: PointReport, at: Instant): State {
  const merged = { value: { ...report, bounds: false }, heardMs: at.nowMs };
  const nodes = state.reports[report.point]?.nodes ?? {};
  return withMerged(state, report.point, { answering: report.node, given: true, merged, nodes }, at);
}

/** A report in the stream: of one node, or of the tree where the answering node puts it together. */
export function withReport(state: State, report: PointReport, at: Instant): State {
  const heard = { value: report, heardMs: at.nowMs };
  const known: PointReports = state.reports[report.point] ?? {
    answering: state.nodes[0]?.value.node ?? report.node,
    given: false,
    merged: { value: { ...report, bounds: false }, heardMs: at.nowMs },
    nodes: {},
  };
  if (known.given && report.node === known.answering) {
    const merged = { value: { ...report, bounds: false }, heardMs: at.nowMs };
    return withMerged(state, report.point, { ...known, merged }, at);
  }
  const reports = { ...known, nodes: { ...known.nodes, [report.node]: heard } };
  const history = withSample(state.history, historyKey(report.point, report.node), report, at);
  return withMerged({ ...state, history }, report.point, reports, at);
}

function withMerged(state: State, point: string, reports: PointReports, at: Instant): State {
  const merged = reports.given ? reports.merged.value : mergedOf(state, reports);
  return {
    ...state,
    reports: { ...state.reports, [point]: { ...reports, merged: { value: merged, heardMs: at.nowMs } } },
    history: withSample(state.history, historyKey(point, null), merged, at),
    tracks: withTracks(state.tracks, merged, at),
  };
}

function mergedOf(state: State, { answering, nodes }: PointReports): MergedReport {
  const all = Object.values(nodes).map(({ value }) => value);
  // Until the answering node's own report has come, the first of the others speaks for it.
  const own = nodes[answering]?.value ?? all[0];
  const others = all.filter((report) => report.node !== own.node);
  const silent = state.nodes.filter(({ value }) => value.health === 'unknown').map(({ value }) => value.node);
  return mergeReports(own, others, new Set(silent));
}

function withSample(
  history: State['history'],
  key: string,
  report: PointReport,
  at: Instant,
): State['history'] {
  const samples = history[key] ?? [];
  const last = samples.at(-1);
  if (last !== undefined && at.wallMs - last.wallMs < SAMPLE_EVERY_MS && last.mode === report.mode)
    return history;
  const sample: Sample = {
    wallMs: at.wallMs,
    mode: report.mode,
    rate: report.decisionsPerSecond,
    decisions: Object.fromEntries(report.arms.map((arm) => [arm.arm, arm.decisions])),
    allocation: Object.fromEntries(report.arms.map((arm) => [arm.arm, arm.allocation])),
    loss: lossSample(report),
  };
  return { ...history, [key]: [...samples.slice(-(SAMPLES_KEPT - 1)), sample] };
}

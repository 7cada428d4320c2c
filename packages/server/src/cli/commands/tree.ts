import { GanglionError } from '@ganglion/core';
import type { LeaseStatus, NodeStatus, PointReport, ReportAnswer } from '@ganglion/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import { type ClientFlags, clientCommand, session } from '../context.ts';
import { experimentsText } from '../experiments.ts';
import { count, counted, duration, estimate, number, percent, time, UNKNOWN } from '../format.ts';
import type { Io } from '../io.ts';
import { clean, pairs, type Style, table } from '../style.ts';
import { watch } from '../watch.ts';
import { versionTable } from './model.ts';
import {
  constraintTable,
  memberTable,
  misspeltText,
  rolloutText,
  slateText,
  unlimitedText,
  validationText,
} from './report-parts.ts';

type Watched = ClientFlags & { readonly watch?: boolean };

/** `ganglion report POINT` */
export function reportCommand(io: Io): Command {
  return clientCommand('report', 'a point’s traffic, reward, lift over the holdout, allocation and guards')
    .argument('[point]', 'may be left out where there is only one')
    .option('--watch', 'again each second')
    .action(async (named: string | undefined, flags: Watched) => {
      const shown = session(io, flags);
      const point = named ?? onlyOne(await shown.client.points.list());
      await watch(
        shown,
        flags.watch === true,
        () => shown.client.report(point),
        (answer) => reportText(answer, shown.style),
      );
    });
}

function onlyOne(points: readonly { readonly spec: { readonly point: string } }[]): string {
  const names = points.map(({ spec }) => spec.point);
  if (names.length === 1) return names[0];
  throw new GanglionError('invalid_input', 'which point?', {
    field: 'point',
    mend:
      names.length === 0
        ? 'There is none yet: declare one with ganglion point apply FILE.'
        : `Name one of: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}.`,
  });
}

function reportText({ report, nodes, startedMs }: ReportAnswer, style: Style): string {
  const parts = [
    summary(report, startedMs, style),
    armTable(report, style),
    ...(report.arms.some(({ artifact }) => artifact !== undefined) ? [versionTable(report.arms, style)] : []),
    ...memberTable(report, style),
    ...slateText(report),
    ...constraintTable(report, style),
    ...validationText(report, style),
  ];
  if (report.lift.length > 0)
    parts.push(
      table(
        [
          { head: 'METRIC' },
          { head: 'TREATED' },
          { head: 'HOLDOUT' },
          { head: 'DIFFERENCE (95 %)' },
          { head: 'P99 TREATED', right: true },
          { head: 'P99 HOLDOUT', right: true },
        ],
        report.lift.map(({ metric, treated, holdout, difference, quantiles }) => [
          clean(metric),
          estimate(treated),
          estimate(holdout),
          estimate(difference),
          number(quantiles?.treated.p99 ?? null),
          number(quantiles?.holdout.p99 ?? null),
        ]),
        style,
      ),
    );
  parts.push(...misspeltText(report), ...unlimitedText(report));
  parts.push(...experimentsText(report.experiments ?? [], style));
  const spoke = report.guards.filter(({ interventions }) => interventions > 0);
  if (spoke.length > 0)
    parts.push(
      table(
        [{ head: 'GUARD' }, { head: 'INTERVENED', right: true }, { head: 'LAST WORD' }],
        spoke.map(({ guard, interventions, why }) => [clean(guard), count(interventions), clean(why)]),
        style,
      ),
    );
  if (nodes.length > 0)
    parts.push(
      table(
        [
          { head: 'NODE' },
          { head: 'MODE' },
          { head: 'DECISIONS', right: true },
          { head: 'PER SECOND', right: true },
          { head: 'OUTCOMES', right: true },
        ],
        nodes.map((each) => [
          each.node,
          modeText(each, style),
          count(each.decisions),
          number(each.decisionsPerSecond),
          count(each.outcomes),
        ]),
        style,
      ),
    );
  return parts.join('\n');
}

function summary(report: PointReport, startedMs: number | undefined, style: Style): string {
  return pairs(
    [
      ['point', style.bold(report.point)],
      ['mode', `${modeText(report, style)}${report.why === '' ? '' : `: ${clean(report.why)}`}`],
      ['asked', `${report.node} (${report.tier}), spec ${report.specVersion}, view ${report.viewVersion}`],
      ...(startedMs === undefined ? [] : [['since', sinceText(startedMs)] as const]),
      ...rolloutText(report),
      ['decisions', `${count(report.decisions)}, ${number(report.decisionsPerSecond)} a second`],
      ['reasons', reasonsText(report)],
      [
        'outcomes',
        `${count(report.outcomes)} joined, ${count(report.pending)} awaited, ${count(report.expired)} expired, ${count(report.unjoined)} unjoined`,
      ],
      ...thinnedText(report),
      [
        'evidence',
        `${counted(report.pooled.ownOutcomes, 'own outcome')}, ${count(report.pooled.othersOutcomes)} of others`,
      ],
    ],
    style,
  );
}

/** A sample is fair and says less: whoever waits for an experiment should know. */
function thinnedText({ thinned = 0 }: PointReport): (readonly [string, string])[] {
  if (thinned === 0) return [];
  return [['thinned', `${counted(thinned, 'decision')} that experiments do not count: raise \`pending\``]];
}

/** What is counted is of this start alone; what was learned before has survived it, as evidence. */
function sinceText(startedMs: number): string {
  const [day, clock] = time(startedMs).split(' ');
  const today = time(Date.now()).startsWith(day);
  return `${today ? '' : `${day} `}${clock.slice(0, 5)} UTC (this start)`;
}

/** The most frequent first; those that never occurred are left out. */
function reasonsText({ reasons }: PointReport): string {
  const known = Object.entries(reasons ?? {}).filter(([, n]) => n > 0);
  if (known.length === 0) return 'none yet';
  return known
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => `${count(n)} ${clean(reason)}`)
    .join(', ');
}

function armTable(report: PointReport, style: Style): string {
  return table(
    [
      { head: 'ARM' },
      { head: 'POLICY WANTS', right: true },
      { head: 'SHARE', right: true },
      { head: 'DECISIONS', right: true },
      { head: 'IN FLIGHT', right: true },
      { head: 'FAILURES', right: true },
      { head: 'REWARD (95 %)' },
    ],
    report.arms.map(({ arm, allocation, share, decisions, inflight, failures, reward }) => [
      arm,
      percent(allocation),
      percent(share),
      count(decisions),
      count(inflight),
      count(failures),
      estimate(reward),
    ]),
    style,
  );
}

function modeText({ mode }: Pick<PointReport, 'mode'>, style: Style): string {
  return mode === 'learning' ? style.good(mode) : style.bad(mode);
}

/** `ganglion nodes` */
export function nodesCommand(io: Io): Command {
  return clientCommand('nodes', 'the tree: health, lease, sync, traffic')
    .option('--watch', 'again each second')
    .action(async (flags: Watched) => {
      const shown = session(io, flags);
      await watch(
        shown,
        flags.watch === true,
        () => shown.client.nodes(),
        (nodes) => nodeTable(nodes, shown.style),
      );
    });
}

function nodeTable(nodes: readonly NodeStatus[], style: Style): string {
  const rows = nodes.map((node) => [
    '  '.repeat(depthOf(node, nodes)) + node.node,
    node.tier,
    healthText(node, style),
    leaseText(node.lease, style),
    node.parentAgeMs === null ? UNKNOWN : duration(node.parentAgeMs),
    node.parentRttMs === null ? UNKNOWN : duration(node.parentRttMs),
    number(node.decisionsPerSecond),
    count(node.decisions),
    node.storage,
  ]);
  const told = table(
    [
      { head: 'NODE' },
      { head: 'TIER' },
      { head: 'HEALTH' },
      { head: 'LEASE' },
      { head: 'SYNCED', right: true },
      { head: 'RTT', right: true },
      { head: 'DECISIONS/S', right: true },
      { head: 'DECISIONS', right: true },
      { head: 'STORAGE' },
    ],
    rows,
    style,
  );
  const problems = nodes.flatMap((node) =>
    node.problems.map((problem) => `${style.warn(node.node)}  ${clean(problem)}\n`),
  );
  return problems.length === 0 ? told : `${told}\n${problems.join('')}`;
}

/** How far below the first node; a circle of parents, were there one, ends at the number of nodes. */
function depthOf(node: NodeStatus, nodes: readonly NodeStatus[]): number {
  let depth = 0;
  for (let at = node.parent; at !== null && depth < nodes.length; depth++) {
    const parent = nodes.find((each) => each.node === at);
    if (parent === undefined) break;
    at = parent.parent;
  }
  return depth;
}

function healthText({ health }: NodeStatus, style: Style): string {
  if (health === 'healthy') return style.good(health);
  return health === 'degraded' ? style.warn(health) : style.dim(health);
}

function leaseText(lease: LeaseStatus, style: Style): string {
  if (lease.state === 'held') return `${duration(lease.remainingMs)} left`;
  if (lease.state === 'expired') return style.bad(`expired ${duration(lease.sinceMs)} ago`);
  return lease.state === 'root' ? style.dim('root') : style.warn('none');
}

/** `ganglion audit` */
export function auditCommand(io: Io): Command {
  return clientCommand('audit', 'who did what, the latest first')
    .option('--limit <n>', 'how many', howMany, 20)
    .action(async (flags: ClientFlags & { limit: number }) => {
      const { client, show, style } = session(io, flags);
      const entries = await client.audit(flags.limit);
      show(entries, () =>
        table(
          [
            { head: 'WHEN (UTC)' },
            { head: 'WHO' },
            { head: 'ACTION' },
            { head: 'TARGET' },
            { head: 'NODE' },
            { head: 'REASON' },
          ],
          entries.map(({ atMs, by, action, target, node, reason, heard }) => [
            time(atMs),
            clean(by),
            action,
            clean(target),
            clean(heard?.from ?? node),
            clean(typeof heard?.saidMs === 'number' ? `${reason} (said ${time(heard.saidMs)})` : reason),
          ]),
          style,
        ),
      );
    });
}

function howMany(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000)
    throw new InvalidArgumentError('Give a whole number from 1 to 1000.');
  return value;
}

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Acknowledgement, Decision, GanglionNode, NodeStatus } from '@ganglion/core';
import type { IntakeAnswer } from '@ganglion/sdk';
import { Counter, Gauge, Registry } from 'prom-client';
import { callDurations } from './call-durations.ts';
import { featureMetrics } from './feature-metrics.ts';
import { type ObservedProxy, proxyMetrics } from './proxy/proxy-metrics.ts';

/**
 * A server's own Prometheus registry: two servers in one process never mix. Labels are bounded whatever clients send:
 * points and arms beyond `MOST` are counted under `other`, units and contexts are never labels.
 */
export interface Metrics {
  /** A decision was made through this server. On the hot path: an increment. */
  readonly made: (decision: Decision) => void;
  /** Feedback or exposures were answered; where all of them were refused, of the refusals alone. */
  readonly fed: (answer: Pick<IntakeAnswer, 'rejected'> & Partial<IntakeAnswer>) => void;
  /** A call was answered. `route` is the template, never the address that was sent. */
  readonly answered: (method: string, route: string, status: number, seconds: number) => void;
  readonly contentType: string;
  render(): Promise<string>;
  close(): void;
}

const MOST = { nodes: 100, points: 200, arms: 50 } as const;
const OTHER = 'other';

type Made = Map<string, Map<string, number>>;

/** Decisions of one point and reason in a row: most follow one of their kind, and cost an increment. */
interface Run {
  point: string;
  reason: string;
  count: number;
}

function settle(made: Made, run: Run): void {
  if (run.count === 0) return;
  // Points exist by declaration, never by request; the bound is for trees with very many.
  const name = made.has(run.point) || made.size < MOST.points ? run.point : OTHER;
  const reasons = made.get(name) ?? new Map<string, number>();
  reasons.set(run.reason, (reasons.get(run.reason) ?? 0) + run.count);
  made.set(name, reasons);
  run.count = 0;
}

/**
 * @param node - the node the server stands before; it knows those below it
 * @param proxies - those of this process, as they are at a scrape
 * @param nodes - all of this process: each keeps features of its own
 */
export function createMetrics(
  node: GanglionNode,
  proxies?: () => readonly ObservedProxy[],
  nodes: readonly GanglionNode[] = [node],
): Metrics {
  const registry = new Registry();
  const made: Made = new Map();
  const run: Run = { point: '', reason: '', count: 0 };
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();

  treeMetrics(registry, node);
  killMetrics(registry, node);
  const reports = reportsOf(node);
  decidedAndLearned(registry, reports);
  processMetrics(registry, lag);
  decisionsMade(registry, made, run);
  featureMetrics(registry, nodes);
  if (proxies !== undefined) proxyMetrics(registry, proxies);
  const intake = new Counter({
    name: 'ganglion_feedback_total',
    help: 'Feedback and exposures taken by this server, by what became of them.',
    labelNames: ['status'],
    registers: [registry],
  });
  const durations = callDurations(registry);

  return {
    made: ({ point, reason }) => {
      if (point !== run.point || reason !== run.reason) {
        settle(made, run);
        run.point = point;
        run.reason = reason;
      }
      run.count++;
    },
    fed: (answer) => {
      for (const status of ['joined', 'routed', 'unjoined', 'duplicates'] as const)
        if (answer[status] !== undefined && answer[status] > 0) intake.inc({ status }, answer[status]);
      if (answer.rejected.length > 0) intake.inc({ status: 'rejected' }, answer.rejected.length);
    },
    answered: durations.observe,
    contentType: registry.contentType,
    render: () => registry.metrics().finally(reports.done),
    close: () => {
      lag.disable();
      registry.clear();
    },
  };
}

function decisionsMade(registry: Registry, made: Made, run: Run): void {
  new Counter({
    name: 'ganglion_http_decisions_total',
    help: 'Decisions made through this server, by reason.',
    labelNames: ['point', 'reason'],
    registers: [registry],
    collect() {
      settle(made, run);
      this.reset();
      for (const [point, reasons] of made)
        for (const [reason, count] of reasons) this.inc({ point, reason }, count);
    },
  });
}

/**
 * What the nodes say of themselves: read when scraped, never kept. Of one that has fallen silent nothing is told that was true
 * when it was last heard: how long ago that is, is.
 */
function treeMetrics(registry: Registry, node: GanglionNode): void {
  const gauge = (name: string, help: string, value: (status: NodeStatus) => number | null): void => {
    new Gauge({
      name,
      help,
      labelNames: ['node', 'tier'],
      registers: [registry],
      collect() {
        this.reset();
        for (const status of node.nodes().slice(0, MOST.nodes)) {
          const at = value(status);
          if (at !== null) this.set({ node: status.node, tier: status.tier }, at);
        }
      },
    });
  };
  const known: typeof gauge = (name, help, value) =>
    gauge(name, `${help} Absent while the node is unknown.`, (s) =>
      s.health === 'unknown' ? null : value(s),
    );
  gauge(
    'ganglion_node_report_age_seconds',
    'Since the node was last heard of; 0 of this one itself.',
    (s) => s.ageMs / 1000,
  );
  known('ganglion_node_healthy', '1 healthy, 0 degraded.', (s) => (s.health === 'healthy' ? 1 : 0));
  known(
    'ganglion_storage_failing',
    '1 while writes do not reach the disk, else 0; absent where state is in memory only.',
    (s) => (s.storage === 'memory' ? null : s.storage === 'failing' ? 1 : 0),
  );
  known(
    'ganglion_lease_remaining_seconds',
    'Until overseen points go to their fallback; 0 expired, absent at the root.',
    (s) => (s.lease.state === 'held' ? s.lease.remainingMs / 1000 : s.lease.state === 'root' ? null : 0),
  );
  known('ganglion_sync_age_seconds', 'Since the last word from the parent; absent at the root.', (s) =>
    s.parentAgeMs === null ? null : s.parentAgeMs / 1000,
  );
  known('ganglion_parent_rtt_seconds', 'Smoothed round trip to the parent; absent at the root.', (s) =>
    s.parentRttMs === null ? null : s.parentRttMs / 1000,
  );
}

const ACKNOWLEDGEMENTS = {
  acknowledged: 0,
  waiting: 0,
  unknown: 0,
  lease_expired: 0,
  unbounded: 0,
} satisfies Record<Acknowledgement['state'], 0>;

/** How far the kills that stand have got. Every state has its number, so that an alert on one has something to look at. */
function killMetrics(registry: Registry, node: GanglionNode): void {
  new Gauge({
    name: 'ganglion_kill_acknowledgements',
    help: 'Nodes that the kills in force bind, by what is known of them: one for each kill and node.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const counts: Record<Acknowledgement['state'], number> = { ...ACKNOWLEDGEMENTS };
      for (const { acknowledgements } of node.controls().kills)
        for (const { state } of acknowledgements) counts[state]++;
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
    },
  });
}

function decidedAndLearned(registry: Registry, reports: Reports): void {
  new Counter({
    name: 'ganglion_decisions_total',
    help: 'Decisions by point and executed arm, on every node that decides it, through whatever way they were asked for.',
    labelNames: ['node', 'point', 'arm'],
    registers: [registry],
    collect() {
      this.reset();
      reports.each((point, report) => {
        for (const [index, arm] of report.arms.entries())
          this.inc({ node: report.node, point, arm: index < MOST.arms ? arm.arm : OTHER }, arm.decisions);
      });
    },
  });
  const counter = (name: string, help: string, value: (report: Report) => number): void => {
    new Counter({
      name,
      help,
      labelNames: ['node', 'point'],
      registers: [registry],
      collect() {
        this.reset();
        reports.each((point, report) => this.inc({ node: report.node, point }, value(report)));
      },
    });
  };
  counter('ganglion_outcomes_total', 'Outcomes joined to their decision.', (r) => r.outcomes);
  counter(
    'ganglion_expired_total',
    'Decisions whose attribution window passed in silence.',
    (r) => r.expired,
  );
  counter('ganglion_unjoined_total', 'Feedback whose decision was not kept.', (r) => r.unjoined);
  counter(
    'ganglion_thinned_total',
    'Decisions that experiments do not count: more were made in a window than pending has room for.',
    (r) => r.thinned ?? 0,
  );
  validationMetrics(registry, reports);
}

/** Of points that validate their learner; absent for others, and while unknown. */
function validationMetrics(registry: Registry, reports: Reports): void {
  type Validation = NonNullable<Report['validation']>;
  const gauge = (name: string, help: string, value: (validation: Validation) => number | null): void => {
    new Gauge({
      name,
      help,
      labelNames: ['node', 'point'],
      registers: [registry],
      collect() {
        this.reset();
        reports.each((point, { node: at, validation }) => {
          const found = validation === undefined ? null : value(validation);
          if (found !== null) this.set({ node: at, point }, found);
        });
      },
    });
  };
  gauge(
    'ganglion_learner_frozen',
    '1 while the learner has been found to decay and learns no more, else 0.',
    ({ frozen }) => (frozen.some(({ action }) => action !== 'report') ? 1 : 0),
  );
  gauge(
    'ganglion_learner_loss',
    'Squared error of predictions made before the outcome was learned (Brier score), over the last outcomes.',
    ({ recent }) => recent.squared,
  );
  gauge(
    'ganglion_learner_reference_loss',
    'The same of a reference: the mean of each arm over the last outcomes.',
    ({ recent }) => recent.reference,
  );
  gauge(
    'ganglion_learner_calibration_error',
    'Expected calibration error, as a share of the range.',
    ({ calibration }) => calibration.ece,
  );
}

type Report = ReturnType<GanglionNode['report']>;

/** What all nodes report of all points, asked for once a scrape: several metrics are made of it. */
interface Reports {
  each(visit: (point: string, report: Report) => void): void;
  /** The scrape is over. */
  done(): void;
}

function reportsOf(node: GanglionNode): Reports {
  let known: (readonly [point: string, reports: readonly Report[]])[] | undefined;
  return {
    each(visit) {
      known ??= node
        .points()
        .map(({ spec }, index) => [
          index < MOST.points ? spec.point : OTHER,
          node.reports(spec.point).slice(0, MOST.nodes),
        ]);
      for (const [point, reports] of known) for (const report of reports) visit(point, report);
    },
    done: () => {
      known = undefined;
    },
  };
}

function processMetrics(registry: Registry, lag: ReturnType<typeof monitorEventLoopDelay>): void {
  new Gauge({
    name: 'ganglion_event_loop_lag_seconds',
    help: 'How late the event loop was since the last scrape, beyond the 10 ms it is sampled at.',
    labelNames: ['statistic'],
    registers: [registry],
    collect() {
      const late = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / 1e9 - 0.01) : 0);
      this.set({ statistic: 'median' }, late(lag.percentile(50)));
      this.set({ statistic: 'p99' }, late(lag.percentile(99)));
      this.set({ statistic: 'max' }, late(lag.max));
      lag.reset();
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the daemon.',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system time of the daemon.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

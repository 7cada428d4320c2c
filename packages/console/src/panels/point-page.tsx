import { useState } from 'react';
import { type Route, routeHash } from '../route.ts';
import { domainOf, isUnbounded } from '../select/controls.ts';
import { count, rate } from '../select/format.ts';
import { fallbackWords, MODE_WORDS, modeOf } from '../select/points.ts';
import { NO_FILTER, type StreamFilter } from '../select/stream.ts';
import { historyKey, type PointReports } from '../state/model.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { type Fact, Facts } from '../ui/facts.tsx';
import { Icon } from '../ui/icon.tsx';
import { Empty, Panel } from '../ui/panel.tsx';
import type { PointReport, PointSpec } from '../wire.ts';
import { Allocation } from './allocation.tsx';
import { ArmsTable } from './arms-table.tsx';
import { Constraints } from './constraints.tsx';
import { Elsewhere } from './elsewhere.tsx';
import { Experiments } from './experiments.tsx';
import { FrozenBand, PointPills } from './frozen.tsx';
import { Guards } from './guards.tsx';
import { LiftTable } from './lift-table.tsx';
import { Members } from './members.tsx';
import { Positions } from './positions.tsx';
import { Stream } from './stream.tsx';
import { Headline } from './tail.tsx';
import { useOwnReport } from './use-own-report.ts';
import { usePast } from './use-past.ts';
import { Validation } from './validation.tsx';

/** One point, whole: how it stands, what it is worth, who gets the traffic, what holds it back, what it decides. */
export function PointPage({ route, filter }: { route: Route; filter: StreamFilter }) {
  const spec = useSlice((state) => state.points).find((entry) => entry.spec.point === route.name)?.spec;
  const reports = useSlice((state) => state.reports[route.name]);
  const ready = useSlice((state) => state.ready);
  useOwnReport(route.name, reports?.merged.heardMs);
  usePast(route.name);
  if (spec === undefined)
    return (
      <Empty>
        {ready ? (
          <>
            There is no point called “{route.name}” here. <a href={routeHash('points')}>All points</a>
          </>
        ) : (
          'Loading…'
        )}
      </Empty>
    );
  return (
    <>
      <PointHead spec={spec} reports={reports} />
      {reports !== undefined && <FrozenBand point={spec.point} reports={reports} />}
      {reports === undefined ? (
        <Empty>No report of this point has come yet.</Empty>
      ) : (
        <Body reports={reports} />
      )}
      <Stream
        route={route}
        filter={{ ...NO_FILTER, ...filter, point: spec.point }}
        rows={40}
        fixedPoint
        filters
      />
    </>
  );
}

function PointHead({ spec, reports }: { spec: PointSpec; reports: PointReports | undefined }) {
  const { openKill } = useConsole();
  const mode = reports === undefined ? undefined : modeOf(reports);
  return (
    <div className="page-head">
      <div>
        <h1>
          {spec.point}
          {reports !== undefined && <PointPills reports={reports} testId="point-mode" />}
        </h1>
        <p className="quiet">
          {spec.description !== undefined && <>{spec.description.replace(/\.$/, '')} · </>}
          {spec.policy.kind} · domain {domainOf(spec)} · fallback {fallbackWords(spec)} ·{' '}
          {isUnbounded(spec) ? 'stop not bounded by a lease' : `lease ${spec.oversight?.lease ?? '30s'}`}
        </p>
        {mode !== undefined && mode.mode !== 'learning' && (
          <p className="mode-why">{mode.why === '' ? MODE_WORDS[mode.mode].meaning : mode.why}</p>
        )}
        {mode !== undefined && <Elsewhere mode={mode} />}
      </div>
      <div className="page-tools">
        <a className="button" href={routeHash('evaluate', '', { point: spec.point })}>
          Evaluate…
        </a>
        <button
          type="button"
          className="button stop"
          data-testid="kill-button"
          title="Kill (k)"
          onClick={() => openKill(`point:${spec.point}`)}
        >
          <Icon name="stop" size={13} /> Kill…
        </button>
      </div>
    </div>
  );
}

function Body({ reports }: { reports: PointReports }) {
  const point = reports.merged.value.point;
  const [node, setNode] = useState<string | null>(null);
  const own = node === null ? undefined : reports.nodes[node];
  const report: PointReport = (own ?? reports.merged).value;
  const samples = useSlice((state) => state.history[historyKey(point, own === undefined ? null : node)]);
  return (
    <>
      <NodePicker reports={reports} node={own === undefined ? null : node} onChange={setNode} />
      <div className="point-grid panel point-top">
        <Headline report={report} />
        <Allocation key={report.node} report={report} samples={samples} height={220} tagged table />
      </div>
      <Counters report={report} />
      <Panel title="Arms" flush>
        <ArmsTable report={report} samples={samples} />
      </Panel>
      <Validation report={report} samples={samples} />
      <Members reports={reports} report={report} />
      <Constraints report={report} />
      <Positions reports={reports} report={report} />
      <Experiments report={report} />
      <div className="columns lift-columns">
        <Panel title="Lift over the holdout" flush>
          <LiftTable report={report} />
        </Panel>
        <Panel title="Guards" flush>
          <Guards report={report} />
        </Panel>
      </div>
    </>
  );
}

/** Of more nodes than this one is chosen from a list. */
const NODES_AS_BUTTONS = 8;

function NodePicker(props: {
  reports: PointReports;
  node: string | null;
  onChange: (node: string | null) => void;
}) {
  const nodes = Object.values(props.reports.nodes)
    .map((heard) => heard.value)
    .filter((report) => report.decisions > 0);
  if (nodes.length < 2) return null;
  if (nodes.length > NODES_AS_BUTTONS)
    return (
      <label className="node-select">
        <span className="hidden">Seen by which node</span>
        <select value={props.node ?? ''} onChange={(event) => props.onChange(event.target.value || null)}>
          <option value="">All {nodes.length} nodes</option>
          {nodes.map(({ node }) => (
            <option key={node}>{node}</option>
          ))}
        </select>
      </label>
    );
  const option = (node: string | null, title: string) => (
    <button key={title} type="button" aria-pressed={props.node === node} onClick={() => props.onChange(node)}>
      {title}
    </button>
  );
  return (
    <fieldset className="switch node-switch">
      <legend className="hidden">Seen by which node</legend>
      {option(null, 'All nodes')}
      {nodes.map((report) => option(report.node, report.node))}
    </fieldset>
  );
}

function Counters({ report }: { report: PointReport }) {
  const { pooled } = report;
  const counters: readonly Fact[] = [
    ['Decisions', rate(report.decisionsPerSecond), `${count(report.decisions)} so far`],
    [
      'Outcomes',
      count(report.outcomes),
      `${count(report.pending)} awaited, ${count(report.expired)} expired`,
    ],
    [
      'Learned from',
      count(pooled.ownOutcomes + pooled.othersOutcomes),
      `${count(pooled.ownOutcomes)} own, ${count(pooled.othersOutcomes)} of other nodes`,
    ],
    [
      'Not evaluated',
      count(report.unjoined + report.unknownPropensity),
      `${count(report.unjoined)} unjoined, ${count(report.unknownPropensity)} of unknown propensity`,
    ],
    ...(report.thinned ? [['Thinned', count(report.thinned), 'not counted by experiments'] as const] : []),
    ['Versions', `spec ${report.specVersion}`, `view ${report.viewVersion} on ${report.node}`],
  ];
  return <Facts facts={counters} className="counters" />;
}

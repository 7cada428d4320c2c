import { useMemo, useState } from 'react';
import { type ArmGroup, armGroups, groupColour, groupColumns, groupShares } from '../select/arm-groups.ts';
import {
  armNames,
  hasAllocation,
  heldSpans,
  type ShareColumns,
  type ShareKind,
  shareColumns,
  sharesNow,
  tableRows,
} from '../select/arms.ts';
import { clock, percent, rate } from '../select/format.ts';
import { MODE_WORDS } from '../select/points.ts';
import type { Sample } from '../state/model.ts';
import { ShareChart } from '../ui/share-chart.tsx';
import type { PointReport } from '../wire.ts';

const NONE: readonly Sample[] = [];

/** Nothing in so few seconds says nothing yet. */
const COLLECTING_S = 10;

/** Who gets the traffic: a stacked chart over time and a legend with the shares of the moment. */
export function Allocation(props: {
  report: PointReport;
  samples: readonly Sample[] | undefined;
  height: number;
  /** Offers the chart's data as a table. */
  table?: boolean;
  /** Whether the shares in the legend carry test ids: once a page for each point. */
  tagged?: boolean;
}) {
  const { report } = props;
  const samples = props.samples ?? NONE;
  const [kind, setKind] = useState<ShareKind>('executed');
  const [cursor, setCursor] = useState<number | null>(null);
  const arms = armNames(report);
  const groups = armGroups(report);
  const key = JSON.stringify([arms, groups]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: names and groups change less often than the report that brings them
  const columns = useMemo(
    () => groupColumns(shareColumns(samples, arms, kind), groups),
    [samples, key, kind],
  );
  const spans = useMemo(() => heldSpans(samples), [samples]);
  const now = kind === 'executed' ? sharesNow(report, samples) : report.arms.map((arm) => arm.allocation);
  const row = cursor !== null && cursor < columns.seconds.length && columns.rows[cursor] >= 0 ? cursor : null;
  const shares = row === null ? groupShares(now, groups) : columns.shares.map((column) => column[row]);
  const at = row === null ? undefined : samples[columns.rows[row]];

  return (
    <figure className="allocation">
      <figcaption className="allocation-head">
        <span className="label">
          {kind === 'executed' ? 'Share of decisions' : 'Allocation of the policy'}
        </span>
        <span className="quiet num">
          {at === undefined
            ? rate(report.decisionsPerSecond)
            : `${clock(at.wallMs)} · ${rate(at.rate)}${at.mode === 'learning' ? '' : ` · ${MODE_WORDS[at.mode].title}`}`}
        </span>
        {hasAllocation(report) && <KindSwitch kind={kind} onChange={setKind} />}
      </figcaption>
      <ShareChart
        columns={columns}
        colours={groups.map(groupColour)}
        spans={spans}
        height={props.height}
        label={`Share of decisions of ${report.point} by arm over time; the legend gives the shares of now.`}
        onCursor={setCursor}
      />
      <Wait columns={columns} />
      <Legend groups={groups} shares={shares} tagged={props.tagged === true} />
      {props.table === true && <AsTable columns={columns} arms={groups.map((group) => group.title)} />}
    </figure>
  );
}

/** Why nothing is drawn yet, while nothing is. */
function Wait({ columns: { seconds, shares } }: { columns: ShareColumns }) {
  if (shares.some((column) => column.some((share) => share !== null))) return null;
  return (
    <p className="chart-wait">
      {seconds.length < COLLECTING_S ? 'Collecting…' : 'No decision in this time.'}
    </p>
  );
}

function Legend(props: { groups: readonly ArmGroup[]; shares: readonly (number | null)[]; tagged: boolean }) {
  return (
    <ul className="legend">
      {props.groups.map((group, i) => (
        <li key={group.title}>
          <i className="swatch" style={{ background: groupColour(group) }} />
          <span className="legend-name" title={group.title}>
            {group.title}
          </span>
          <span className="num strong" data-testid={props.tagged ? `arm-share-${group.title}` : undefined}>
            {percent(props.shares[i])}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Rows of the table, and seconds between them. */
const TABLE_ROWS = 30;
const TABLE_STEP = 10;

/** The chart's data for those who cannot see it, or want the figures. */
function AsTable({ columns, arms }: { columns: ShareColumns; arms: readonly string[] }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="as-table" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        <div className="scroll">
          <table className="table compact">
            <thead>
              <tr>
                <th scope="col">Time</th>
                {arms.map((arm) => (
                  <th key={arm} scope="col" className="right">
                    {arm}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {tableRows(columns, TABLE_STEP, TABLE_ROWS).map((row) => (
                <tr key={columns.seconds[row]}>
                  <th scope="row" className="num">
                    {clock(columns.seconds[row] * 1000)}
                  </th>
                  {columns.shares.map((column, i) => (
                    <td key={arms[i]} className="right num">
                      {percent(column[row])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function KindSwitch({ kind, onChange }: { kind: ShareKind; onChange: (kind: ShareKind) => void }) {
  return (
    <fieldset className="switch">
      <legend className="hidden">What is drawn</legend>
      <button
        type="button"
        aria-pressed={kind === 'executed'}
        title="What was served, over the last five seconds"
        onClick={() => onChange('executed')}
      >
        Served
      </button>
      <button
        type="button"
        aria-pressed={kind === 'allocation'}
        title="What a treated unit would get right now, before guards"
        onClick={() => onChange('allocation')}
      >
        Policy
      </button>
    </fieldset>
  );
}

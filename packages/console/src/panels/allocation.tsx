import { useMemo, useState } from 'react';
import {
  armNames,
  hasAllocation,
  heldSpans,
  type ShareKind,
  shareColumns,
  sharesNow,
} from '../select/arms.ts';
import { clock, percent, rate } from '../select/format.ts';
import { MODE_WORDS } from '../select/points.ts';
import type { Sample } from '../state/model.ts';
import { armColour } from '../ui/arm-colour.ts';
import { ShareChart } from '../ui/share-chart.tsx';
import type { PointReport } from '../wire.ts';

const NONE: readonly Sample[] = [];

/** Who gets the traffic: a stacked chart over time and a legend with the shares of the moment. */
export function Allocation(props: {
  report: PointReport;
  samples: readonly Sample[] | undefined;
  height: number;
  /** Whether the shares in the legend carry test ids: once a page for each point. */
  tagged?: boolean;
}) {
  const { report } = props;
  const samples = props.samples ?? NONE;
  const [kind, setKind] = useState<ShareKind>('executed');
  const [cursor, setCursor] = useState<number | null>(null);
  const arms = armNames(report);
  const armsKey = arms.join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the names change less often than the report that brings them
  const columns = useMemo(() => shareColumns(samples, arms, kind), [samples, armsKey, kind]);
  const spans = useMemo(() => heldSpans(samples), [samples]);
  const now = kind === 'executed' ? sharesNow(report, samples) : report.arms.map((arm) => arm.allocation);
  const row = cursor !== null && cursor < columns.seconds.length && columns.rows[cursor] >= 0 ? cursor : null;
  const shares = row === null ? now : columns.shares.map((column) => column[row]);
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
        colours={arms.map((_, i) => armColour(i))}
        spans={spans}
        height={props.height}
        label={`Share of decisions of ${report.point} by arm over time; the legend gives the shares of now.`}
        onCursor={setCursor}
      />
      {columns.seconds.length < 3 && (
        <p className="chart-wait">Drawing starts now: the page keeps its own history.</p>
      )}
      <ul className="legend">
        {arms.map((arm, i) => (
          <li key={arm}>
            <i className="swatch" style={{ background: armColour(i) }} />
            <span className="legend-name" title={arm}>
              {arm}
            </span>
            <span className="num strong" data-testid={props.tagged === true ? `arm-share-${arm}` : undefined}>
              {percent(shares[i])}
            </span>
          </li>
        ))}
      </ul>
    </figure>
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

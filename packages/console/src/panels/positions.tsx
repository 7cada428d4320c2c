import { count, number, percent } from '../select/format.ts';
import { slateOf, toldBy } from '../select/parts.ts';
import type { PointReports } from '../state/model.ts';
import { Panel } from '../ui/panel.tsx';
import type { PointReport } from '../wire.ts';

/** Of a point that ranks: how likely each position is looked at, relative to the first, and what diversity costs. */
export function Positions({ reports, report }: { reports: PointReports; report: PointReport }) {
  const told = toldBy(reports, report, slateOf);
  if (told === undefined) return null;
  const { slates, examination, diversityCost } = told.value;
  return (
    <Panel
      title="Positions"
      aside={
        <span className="quiet num">
          {count(slates)} lists on {told.node}
          {diversityCost !== null && ` · diversity costs ${number(diversityCost)} of reward a list`}
        </span>
      }
    >
      <p className="quiet positions-lead">
        How likely each position is looked at, beside the first. Clicks further down count for more by as
        much.
      </p>
      <ol className="positions">
        {examination.map((share, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a position is its place
          <li key={i}>
            <span className="num strong">{percent(share)}</span>
            <i style={{ '--share': share } as React.CSSProperties} />
            <small className="quiet num">{i + 1}</small>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

import { count, number, percent } from '../select/format.ts';
import { correlationsOf, toldBy } from '../select/parts.ts';
import type { PointReports } from '../state/model.ts';
import { Forest } from '../ui/forest.tsx';
import { Mark } from '../ui/marks.tsx';
import { Panel } from '../ui/panel.tsx';
import type { PointReport } from '../wire.ts';

type Member = NonNullable<PointReport['members']>[number];

/** Who votes in an ensemble: what each would have earned alone, what its vote weighs for that, and who is like whom. */
export function Members({ reports, report }: { reports: PointReports; report: PointReport }) {
  const { members } = report;
  if (members === undefined || members.length === 0) return null;
  const told = toldBy(reports, report, correlationsOf);
  return (
    <div className="columns members">
      <Panel title="Members of the ensemble" flush aside={<span className="quiet">reward alone, 95 %</span>}>
        <Forest
          label="What each member would have earned alone"
          scale={scaleOf(members)}
          zero={null}
          format={(value) => number(value)}
          rows={[...members].sort((a, b) => b.weight - a.weight).map(rowOf)}
        />
      </Panel>
      <Panel
        title="Agreement"
        aside={
          told !== undefined && <span className="quiet">correlation of proposals on {told.node}, lately</span>
        }
      >
        {told === undefined ? (
          <p className="quiet">Not yet known: proposals are compared as decisions are made.</p>
        ) : (
          <Correlations members={told.value} />
        )}
      </Panel>
    </div>
  );
}

function scaleOf(members: readonly Member[]): readonly [number, number] {
  const ends = members.flatMap(({ mean, low, high }) => [mean, low, high]).filter((end) => end !== null);
  if (ends.length === 0) return [0, 1];
  const margin = (Math.max(...ends) - Math.min(...ends)) * 0.08 || 0.05;
  return [Math.min(...ends) - margin, Math.max(...ends) + margin];
}

function rowOf({ member, weight, mean, low, high, learned, failures, stopped }: Member) {
  return {
    key: member,
    name: (
      <span className="forest-words">
        <span className="strong">{member}</span>
        <small className="quiet num">{count(learned)} learned</small>
      </span>
    ),
    mean,
    low,
    high,
    tone: 'info' as const,
    ...(mean === null ? { instead: 'nothing known yet' } : {}),
    figures: (
      <span className="member-weight">
        <span className="meter" aria-hidden="true">
          <i style={{ width: `${weight * 100}%` }} />
        </span>
        <span>
          <span className="strong">{percent(weight)}</span> <span className="quiet">of the vote</span>
          {failures > 0 && <span className="quiet">, failed {count(failures)}×</span>}
        </span>
        {stopped && (
          <Mark tone="stop" icon="stop">
            stopped
          </Mark>
        )}
      </span>
    ),
  };
}

/** A square of correlations: the more alike, the less their agreement says. */
function Correlations({ members }: { members: readonly Member[] }) {
  return (
    <div className="scroll">
      <table className="matrix">
        <thead>
          <tr>
            <td />
            {members.map(({ member }) => (
              <th key={member} scope="col" title={member}>
                {member}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {members.map(({ member, correlation }, i) => (
            <tr key={member}>
              <th scope="row" title={member}>
                {member}
              </th>
              {members.map(({ member: other }, j) => {
                const r = correlation[j] ?? null;
                return (
                  <td
                    key={other}
                    className="num"
                    data-self={i === j}
                    data-sign={r !== null && r < 0 ? 'minus' : 'plus'}
                    style={{ '--r': r === null ? 0 : Math.abs(r) } as React.CSSProperties}
                  >
                    {i === j ? '' : r === null ? '–' : r.toFixed(2).replace('-', '−')}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

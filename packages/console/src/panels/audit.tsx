import { routeHash } from '../route.ts';
import { clock, dateAndClock } from '../select/format.ts';
import { useSlice } from '../state/use.ts';
import { Nothing, Panel } from '../ui/panel.tsx';

/** Who did what, and why, newest first. */
export function Audit({ rows }: { rows: number }) {
  const entries = useSlice((state) => state.audit);
  return (
    <Panel title="Audit" flush>
      {entries.length === 0 ? (
        <Nothing>Nobody has done anything yet.</Nothing>
      ) : (
        <div className="scroll">
          <table className="table audit">
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">Did</th>
                <th scope="col">To</th>
                <th scope="col">Why</th>
                <th scope="col">At</th>
              </tr>
            </thead>
            <tbody>
              {entries.slice(0, rows).map((entry) => (
                <tr key={`${entry.node}/${entry.seq}`} data-testid="audit-row">
                  <td className="num nowrap">{dateAndClock(entry.atMs)}</td>
                  <td>{entry.by}</td>
                  <td>
                    <span className="tag" data-action={entry.action}>
                      {entry.action}
                    </span>
                  </td>
                  <td className="mono">{entry.target}</td>
                  <td>
                    {entry.reason}
                    {typeof entry.heard?.saidMs === 'number' && (
                      <span className="quiet"> said {dateAndClock(entry.heard.saidMs)}</span>
                    )}
                  </td>
                  <td className="quiet">{entry.heard?.from ?? entry.node}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

/** The last few things people did, a line each. */
export function RecentAudit({ rows }: { rows: number }) {
  const entries = useSlice((state) => state.audit);
  return (
    <Panel title="Who did what" flush aside={<a href={routeHash('audit')}>All</a>}>
      {entries.length === 0 ? (
        <Nothing>Nobody has done anything yet.</Nothing>
      ) : (
        <ul className="recent">
          {entries.slice(0, rows).map((entry) => (
            <li key={`${entry.node}/${entry.seq}`}>
              <span className="num quiet">{clock(entry.atMs)}</span>
              <span className="clip" title={`${entry.target} ${entry.reason}`}>
                <b>{entry.by}</b>{' '}
                <span className="tag" data-action={entry.action}>
                  {entry.action}
                </span>{' '}
                <span className="strong">{entry.target}</span> <span className="quiet">{entry.reason}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

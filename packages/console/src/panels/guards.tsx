import { count } from '../select/format.ts';
import { Empty } from '../ui/panel.tsx';
import type { PointReport } from '../wire.ts';

/** The guards in their order, with how often each spoke and its last word. */
export function Guards({ report }: { report: PointReport }) {
  const declared = report.spec.guards ?? [];
  if (report.guards.length === 0 && declared.length === 0) return <Empty>This point has no guards.</Empty>;
  return (
    <ul className="guards">
      {report.guards.map((guard, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: guards may repeat; their place is their identity
        <li key={`${guard.guard}/${i}`}>
          <span className="guard-name">{guard.guard.replace(/\/\d+$/, '')}</span>
          <span className={guard.why === '' ? 'guard-why quiet' : 'guard-why'}>
            {guard.why === '' ? 'nothing to say so far' : guard.why}
          </span>
          <span className="num quiet" title="How often it said anything but pass">
            {guard.interventions === 0 ? '' : `${count(guard.interventions)}×`}
          </span>
          {guard.state !== null && (
            <details className="guard-state">
              <summary>State</summary>
              <pre>{JSON.stringify(guard.state, inWords, 1)}</pre>
            </details>
          )}
        </li>
      ))}
    </ul>
  );
}

/** A time that never was is null on the wire. */
function inWords(key: string, value: unknown): unknown {
  return value === null && key.endsWith('Ms') ? 'never' : value;
}

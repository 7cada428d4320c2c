import { scopeWords } from '../select/controls.ts';
import { dateAndClock, number } from '../select/format.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Nothing, Panel } from '../ui/panel.tsx';
import type { KillStatus, OverrideStatus } from '../wire.ts';
import { Acks } from './acks.tsx';

/** All that people said and that still stands: kills with their acknowledgements, overrides, quarantine. */
export function ControlsPage() {
  const controls = useSlice((state) => state.controls);
  if (controls === null) return <Nothing>The controls have not been heard yet.</Nothing>;
  const { kills, overrides, quarantined } = controls.value;
  return (
    <>
      <Panel
        title="Kills"
        aside={<span className="quiet fine mono">version {controls.value.version}</span>}
        flush={kills.length > 0}
      >
        {kills.length === 0 ? (
          <Empty>Nothing is killed.</Empty>
        ) : (
          kills.toSorted((a, b) => b.atMs - a.atMs).map((kill) => <Kill key={kill.tag} kill={kill} />)
        )}
      </Panel>
      <div className="columns">
        <Panel title="Overrides" flush={overrides.length > 0}>
          {overrides.length === 0 ? (
            <Empty>Nobody has pinned an arm.</Empty>
          ) : (
            <Overrides overrides={overrides} />
          )}
        </Panel>
        <Panel title="Quarantine">
          {quarantined.length === 0 ? (
            <Empty>No node’s evidence has been taken out.</Empty>
          ) : (
            <ul className="taken">
              {quarantined.map((one) => (
                <li key={one.node}>
                  <span>
                    <b>{one.node}</b>: {one.reason}
                  </span>
                  <span className="quiet fine">
                    {one.by}, {dateAndClock(one.atMs)}
                  </span>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </div>
    </>
  );
}

function Kill({ kill }: { kill: KillStatus }) {
  const { openRevive } = useConsole();
  return (
    <article className="kill" aria-label={`Kill of ${scopeWords(kill.scope)}`}>
      <header>
        <Icon name="stop" />
        <div>
          <h3>
            {scopeWords(kill.scope)} <code>{kill.scope}</code>
          </h3>
          <p>“{kill.reason}”</p>
          <p className="fine quiet">
            {kill.by}, {dateAndClock(kill.atMs)}, at {kill.origin}; tag{' '}
            <span className="mono">{kill.tag}</span>
          </p>
        </div>
        <button type="button" className="button" onClick={() => openRevive(kill.scope)}>
          Revive…
        </button>
      </header>
      <Acks kill={kill} />
    </article>
  );
}

function Overrides({ overrides }: { overrides: readonly OverrideStatus[] }) {
  return (
    <div className="scroll">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Point</th>
            <th scope="col">Arm</th>
            <th scope="col">For whom</th>
            <th scope="col">Why</th>
            <th scope="col">Who</th>
            <th scope="col">Until</th>
          </tr>
        </thead>
        <tbody>
          {overrides.map((one) => (
            <tr key={one.tag}>
              <th scope="row">{one.point}</th>
              <td>{one.arm}</td>
              <td className="mono">{segmentWords(one.segment)}</td>
              <td>{one.reason}</td>
              <td>
                {one.by}, {dateAndClock(one.atMs)}
              </td>
              <td>{one.expiresMs === null ? 'removed' : dateAndClock(one.expiresMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function segmentWords(segment: OverrideStatus['segment']): string {
  const parts = Object.entries(segment).map(
    ([field, value]) => `${field} = ${typeof value === 'number' ? number(value) : JSON.stringify(value)}`,
  );
  return parts.length === 0 ? 'everybody' : parts.join(', ');
}

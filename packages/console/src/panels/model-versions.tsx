import { dateAndClock, number, percent } from '../select/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Mark, type Tone } from '../ui/marks.tsx';
import { Panel } from '../ui/panel.tsx';
import type { ModelStatus } from '../wire.ts';

const TONES: Readonly<Record<string, Tone>> = { champion: 'ok', challenger: 'info', retired: 'plain' };

/** Every version, the newest first: what it is, how it stands and why. */
export function Versions({ model, onPromote }: { model: ModelStatus; onPromote: (version: string) => void }) {
  return (
    <Panel title="Versions" flush>
      <div className="scroll">
        <table className="table versions">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Stage</th>
              <th scope="col">Validation</th>
              <th scope="col">Trained on</th>
              <th scope="col">Registered</th>
              <th scope="col">Why it is there</th>
              <th scope="col">
                <span className="hidden">Promote</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {model.versions.toReversed().map((v) => (
              <VersionRow key={v.version} version={v} onPromote={onPromote} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function VersionRow(props: {
  version: ModelStatus['versions'][number];
  onPromote: (version: string) => void;
}) {
  const { version: v, onPromote } = props;
  return (
    <tr data-testid="version-row">
      <th scope="row">
        {v.version}
        <small className="quiet mono block" title={v.digest}>
          {v.digest.slice(0, 12)}
        </small>
      </th>
      <td className="nowrap">
        <Mark
          tone={v.stopped ? 'stop' : (TONES[v.stage] ?? 'plain')}
          icon={v.stopped ? 'stop' : v.stage === 'champion' ? 'check' : 'waiting'}
        >
          {v.stopped ? 'stopped' : v.stage}
          {v.stage === 'challenger' && !v.stopped && ` ${percent(v.traffic)}`}
        </Mark>
      </td>
      <td className="num nowrap">
        {Object.entries(v.metrics).map(([name, value]) => (
          <span key={name} className="block">
            <span className="quiet">{name}</span> {number(value)}
          </span>
        ))}
      </td>
      <td className="num nowrap quiet">
        {v.window === null ? 'not said' : `${day(v.window.fromMs)} to ${day(v.window.toMs)}`}
      </td>
      <td className="num nowrap">
        {dateAndClock(v.atMs)}
        <small className="quiet block">by {v.by}</small>
      </td>
      <td className="wrap">{v.reason}</td>
      <td className="right">
        {v.stage !== 'champion' && (
          <button
            type="button"
            className="button ghost small"
            data-testid={`promote-${v.version}`}
            aria-label={`Promote ${v.version}`}
            onClick={() => onPromote(v.version)}
          >
            <Icon name="up" size={12} /> Promote…
          </button>
        )}
      </td>
    </tr>
  );
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

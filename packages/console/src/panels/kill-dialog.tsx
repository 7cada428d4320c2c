import { useState } from 'react';
import { ackCounts, impactOf, parseScope, type Scope, scopeChoices, scopeWords } from '../select/controls.ts';
import { duration, plural } from '../select/format.ts';
import { fallbackWords } from '../select/points.ts';
import { useConsole, useSlice } from '../state/use.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import type { KillAnswer, NodeStatus, PointSpec } from '../wire.ts';
import { Acks } from './acks.tsx';
import { ReasonForm } from './reason-form.tsx';

const KINDS: readonly { readonly kind: Scope['kind']; readonly title: string }[] = [
  { kind: 'point', title: 'Point' },
  { kind: 'domain', title: 'Domain' },
  { kind: 'node', title: 'Node' },
  { kind: 'tier', title: 'Tier' },
  { kind: 'artifact', title: 'Artifact' },
  { kind: '*', title: 'Everything' },
];

/** Stops a scope: choose, say why, confirm; then watch every node acknowledge. */
export function KillDialog({ scope: wanted, onClose }: { scope: string; onClose: () => void }) {
  const { api } = useConsole();
  const [scope, setScope] = useState(wanted);
  const [said, setSaid] = useState('');
  // With what was killed: the choice may be another by the time that the answer comes.
  const [killed, setKilled] = useState<{ answer: KillAnswer; scope: string } | null>(null);
  const onInstead = (meant: string): void => {
    setScope(meant);
    setKilled(null);
  };
  if (killed !== null) return <KillProgress {...killed} onInstead={onInstead} onClose={onClose} />;
  return (
    <Dialog
      title={`Kill ${scopeWords(scope)}?`}
      lead="Learning stops and the fallback is served, until somebody revives it."
      tone="stop"
      onClose={onClose}
    >
      <ReasonForm
        verb="Kill"
        what={`Kill of ${scopeWords(scope)}`}
        tone="stop"
        testId="confirm-kill"
        placeholder="What is wrong? Everybody who looks will read this."
        reason={said}
        onCancel={onClose}
        submit={async (reason) => {
          setKilled({ answer: await api.kill(scope, reason), scope });
          setSaid(reason);
        }}
      >
        <ScopeField scope={scope} onChange={setScope} />
        <ImpactNote scope={scope} />
      </ReasonForm>
    </Dialog>
  );
}

function ScopeField({ scope, onChange }: { scope: string; onChange: (scope: string) => void }) {
  const points = useSlice((state) => state.points);
  const nodes = useSlice((state) => state.nodes);
  const choices = scopeChoices(
    points.map((entry) => entry.spec),
    nodes.map((heard) => heard.value),
  );
  const { kind, name } = parseScope(scope);
  const namesOf = (of: Scope['kind']) => (of === '*' || of === 'artifact' ? [] : choices[of]);
  // A name from an address, which nobody here may know: the list must not show another in its place.
  const named = namesOf(kind).includes(name) ? namesOf(kind) : [name, ...namesOf(kind)];
  const pick = (next: Scope['kind']) => onChange(next === '*' ? '*' : `${next}:${namesOf(next)[0] ?? ''}`);
  return (
    <fieldset className="field">
      <legend>Scope</legend>
      <div className="segments">
        {KINDS.filter((one) => isTyped(one.kind) || namesOf(one.kind).length > 0).map((one) => (
          <label key={one.kind} data-on={one.kind === kind}>
            <input
              type="radio"
              name="scope-kind"
              value={one.kind}
              checked={one.kind === kind}
              onChange={() => pick(one.kind)}
            />
            {one.title}
          </label>
        ))}
      </div>
      {kind === 'artifact' && (
        <input
          type="text"
          aria-label="Which artifact"
          placeholder="Name of the artifact"
          value={name}
          onChange={(event) => onChange(`artifact:${event.target.value.trim()}`)}
        />
      )}
      {!isTyped(kind) && (
        <select
          aria-label={`Which ${kind}`}
          value={name}
          onChange={(event) => onChange(`${kind}:${event.target.value}`)}
        >
          {named.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      )}
    </fieldset>
  );
}

/** Scopes that are not picked from a list: everything, and artifacts, which points name and nodes do not list. */
function isTyped(kind: Scope['kind']): boolean {
  return kind === '*' || kind === 'artifact';
}

/** What will happen, before anybody says yes. */
function ImpactNote({ scope }: { scope: string }) {
  const points = useSlice((state) => state.points);
  const nodes = useSlice((state) => state.nodes);
  const specs: readonly PointSpec[] = points.map((entry) => entry.spec);
  const known: readonly NodeStatus[] = nodes.map((heard) => heard.value);
  const impact = impactOf(scope, specs, known);
  if (parseScope(scope).kind === 'artifact')
    return (
      <ul className="impact" aria-live="polite">
        <li>
          <Icon name="points" />
          <span>
            Every point that uses this artifact serves its fallback, on{' '}
            <b>{plural(impact.nodes.length, 'node')}</b>.
          </span>
        </li>
      </ul>
    );
  if (impact.points.length === 0)
    return (
      <ul className="impact" aria-live="polite">
        <li>
          <Icon name="points" />
          <span>
            No point that is known here has to do with it: the kill stands for what comes under that name.
          </span>
        </li>
      </ul>
    );
  const one = impact.points.length === 1 ? impact.points[0] : undefined;
  return (
    <ul className="impact" aria-live="polite">
      <li>
        <Icon name="points" />
        <span>
          {one !== undefined ? (
            <>
              <b>{one.point}</b> serves its fallback, <b>{fallbackWords(one)}</b>,
            </>
          ) : (
            <>
              <b>{plural(impact.points.length, 'point')}</b> serve their fallbacks,
            </>
          )}{' '}
          on <b>{plural(impact.nodes.length, 'node')}</b>.
        </span>
      </li>
      {impact.withinMs !== null && (
        <li>
          <Icon name="lease" />
          <span>
            Nodes that can be reached stop at once; one that is cut off stops within{' '}
            <b>{duration(impact.withinMs)}</b>, when its lease runs out.
          </span>
        </li>
      )}
      {impact.unbounded.length > 0 && (
        <li data-tone="stop">
          <Icon name="unbounded" />
          <span>
            No bound on a node that is cut off: <b>{impact.unbounded.join(', ')}</b>{' '}
            {impact.unbounded.length === 1 ? 'goes' : 'go'} on when the lease runs out.
          </span>
        </li>
      )}
    </ul>
  );
}

function KillProgress(props: {
  answer: KillAnswer;
  scope: string;
  onInstead: (scope: string) => void;
  onClose: () => void;
}) {
  const { answer, scope, onClose } = props;
  const { tag, matches } = answer;
  const controls = useSlice((state) => state.controls);
  const kill = controls?.value.kills.find((one) => one.tag === tag);
  const counts = kill === undefined ? undefined : ackCounts(kill.acknowledgements);
  const done = counts !== undefined && counts.acknowledged === kill?.acknowledgements.length;
  return (
    <Dialog
      title={`Killed: ${scopeWords(scope)}`}
      lead={done ? 'Every node has acknowledged it.' : 'The kill is durable, and on its way to every node.'}
      onClose={onClose}
    >
      <div className="dialog-body">
        {matches === 0 && <UnknownScope {...props} />}
        {kill === undefined ? (
          <p className="quiet" role="status">
            Waiting for the first word of the nodes…
          </p>
        ) : (
          <Acks kill={kill} />
        )}
      </div>
      <footer className="dialog-foot">
        <button type="button" className="button primary" data-testid="kill-done" onClick={onClose}>
          Done
        </button>
      </footer>
    </Dialog>
  );
}

/** Nobody here knows what was killed: said aloud, with the name that was probably meant one press away. */
function UnknownScope(props: { answer: KillAnswer; scope: string; onInstead: (scope: string) => void }) {
  const { scope, onInstead } = props;
  const { suggestion } = props.answer;
  return (
    <div className="problem" role="alert" data-testid="kill-unknown">
      <b>
        {suggestion === undefined
          ? `No point that is known here has to do with ${scopeWords(scope)}.`
          : `Nobody here knows ${scopeWords(scope)}. Was ${scopeWords(suggestion)} meant?`}
      </b>
      <span>
        The kill stands, and stops whatever comes under that name. If the name is wrong, kill the right one,
        then revive this one.
      </span>
      {suggestion !== undefined && (
        <button
          type="button"
          className="button stop"
          data-testid="kill-suggested"
          onClick={() => onInstead(suggestion)}
        >
          <Icon name="stop" size={13} /> Kill {scopeWords(suggestion)}…
        </button>
      )}
    </div>
  );
}

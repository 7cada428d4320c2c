import { routeHash } from '../route.ts';
import { ackWords, scopeWords } from '../select/controls.ts';
import { age, clock } from '../select/format.ts';
import { useConsole, useNow, useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import type { KillStatus } from '../wire.ts';

const SHOWN = 3;

/** A calm, unmistakable word on every page while anything is killed. */
export function StatusBand() {
  const controls = useSlice((state) => state.controls);
  const kills = (controls?.value.kills ?? []).toSorted((a, b) => b.atMs - a.atMs);
  if (kills.length === 0) return null;
  return (
    <section className="band" aria-label="Kills that stand" data-testid="kill-band">
      {kills.slice(0, SHOWN).map((kill) => (
        <BandRow key={kill.tag} kill={kill} />
      ))}
      {kills.length > SHOWN && (
        <a className="band-more" href={routeHash('controls')}>
          {kills.length - SHOWN} more kills stand
        </a>
      )}
    </section>
  );
}

function BandRow({ kill }: { kill: KillStatus }) {
  const { openRevive } = useConsole();
  const now = useNow();
  return (
    <div className="band-row">
      <span className="band-icon">
        <Icon name="stop" size={18} />
      </span>
      <div className="band-words">
        <p className="band-title">
          Killed: {scopeWords(kill.scope)} <span className="band-reason">“{kill.reason}”</span>
        </p>
        <p className="fine">
          {kill.by} at {clock(kill.atMs)} ({age(performance.timeOrigin + now - kill.atMs)}).{' '}
          <a href={routeHash('controls')}>{ackWords(kill)}</a>
        </p>
      </div>
      <button
        type="button"
        className="button"
        data-testid="revive-button"
        onClick={() => openRevive(kill.scope)}
      >
        <Icon name="play" size={12} /> Revive…
      </button>
    </div>
  );
}

import { rolloutOf } from '../select/experiments.ts';
import { age, clock, dateAndClock } from '../select/format.ts';
import { modeOf } from '../select/points.ts';
import { type Decayed, decayedOf, thawUnderway } from '../select/validation.ts';
import type { PointReports } from '../state/model.ts';
import { useConsole, useNow, useSlice } from '../state/use.ts';
import { Icon } from '../ui/icon.tsx';
import { ModePill } from '../ui/marks.tsx';
import type { FrozenLearner } from '../wire.ts';

/** How a point stands: its mode, unless what learns is frozen or its rollout was taken back: said instead of "learning". */
export function PointPills({ reports, testId }: { reports: PointReports; testId?: string }) {
  const { mode, why } = modeOf(reports);
  const { frozen, said } = decayedOf(reports);
  const reverted = rolloutOf(reports.merged.value.spec)?.reverted ?? null;
  const isPlain = frozen.length === 0 && reverted === null;
  return (
    <>
      {(mode !== 'learning' || isPlain) && <ModePill mode={mode} why={why} testId={testId} />}
      {reverted !== null && (
        <span
          className="mark pill"
          data-tone="warn"
          data-standing="reverted"
          data-testid="point-reverted"
          title={`The rollout was taken back ${reverted}`}
        >
          <Icon name="revert" size={14} />
          Reverted
        </span>
      )}
      {frozen.length > 0 && (
        <span
          className="mark pill"
          data-standing="frozen"
          data-testid="point-frozen"
          title={frozen.map(sentence).join(' · ')}
        >
          <Icon name="frozen" size={14} />
          Frozen {onNodes(frozen)}
        </span>
      )}
      {said.length > 0 && (
        <span
          className="mark pill"
          data-tone="warn"
          data-testid="point-decays"
          title={said.map(sentence).join(' · ')}
        >
          <Icon name="warn" size={14} />
          Decays {onNodes(said)}
        </span>
      )}
    </>
  );
}

/** In a list: when it was frozen and why, and the way out. */
export function FrozenNote({ point, reports }: { point: string; reports: PointReports }) {
  const { openThaw } = useConsole();
  const [first] = allOf(decayedOf(reports));
  if (first === undefined) return null;
  return (
    <p className="frozen-note">
      <span>
        Since {dateAndClock(first.sinceMs)}: {first.why}
      </span>{' '}
      <button
        type="button"
        className="button small"
        aria-label={`Thaw ${point}`}
        onClick={() => openThaw(point)}
      >
        <Icon name="play" size={11} /> Thaw…
      </button>
    </p>
  );
}

/** Of more nodes than this the rest is counted. */
const NODES_SHOWN = 4;

/** On the page of a point, above all else: who learns no more, since when and why, and the way out. */
export function FrozenBand({ point, reports }: { point: string; reports: PointReports }) {
  const decayed = decayedOf(reports);
  const all = allOf(decayed);
  if (all.length === 0) return null;
  return (
    <section
      className="band"
      data-tone="warn"
      aria-label={decayed.frozen.length > 0 ? 'Frozen learners' : 'Learners that decay'}
      data-testid="frozen-band"
    >
      {all.slice(0, NODES_SHOWN).map((each, i) => (
        <BandRow key={each.node} point={point} frozen={each} offer={i === 0} />
      ))}
      {all.length > NODES_SHOWN && (
        <p className="band-more">
          And on {all.length - NODES_SHOWN} more: {namesOf(all.slice(NODES_SHOWN))}
        </p>
      )}
    </section>
  );
}

const WORDS: Readonly<Record<FrozenLearner['action'], string>> = {
  freeze: 'nothing is learned there',
  baseline: 'nothing is learned there, and the baseline decides',
  report: 'it learns on, as declared',
};

function BandRow(props: { point: string; frozen: FrozenLearner; offer: boolean }) {
  const { point, frozen } = props;
  const { node, action, sinceMs, untilMs, why } = frozen;
  const { openThaw } = useConsole();
  const audit = useSlice((state) => state.audit);
  const now = useNow();
  const thaw = thawUnderway(audit, point, frozen);
  return (
    <div className="band-row">
      <span className="band-icon">
        <Icon name={action === 'report' ? 'warn' : 'frozen'} size={18} />
      </span>
      <div className="band-words">
        <p className="band-title">
          {action === 'report' ? 'Decays' : 'Frozen'} on {node}:{' '}
          <span className="band-reason">{WORDS[action]}</span>
        </p>
        <p>Because {why}.</p>
        <p className="fine">
          Since {dateAndClock(sinceMs)} ({age(performance.timeOrigin + now - sinceMs)});{' '}
          {thaw !== undefined
            ? `thawed by ${thaw.by} at ${clock(thaw.atMs)}: on its way to ${node}`
            : untilMs === null
              ? 'until somebody thaws it'
              : `thaws by itself at ${dateAndClock(untilMs)}`}
        </p>
      </div>
      {props.offer && (
        <button type="button" className="button" data-testid="thaw-button" onClick={() => openThaw(point)}>
          <Icon name="play" size={12} /> Thaw…
        </button>
      )}
    </div>
  );
}

const allOf = ({ frozen, said }: Decayed): readonly FrozenLearner[] => [...frozen, ...said];

const namesOf = (all: readonly FrozenLearner[]): string => all.map(({ node }) => node).join(', ');

const onNodes = (all: readonly FrozenLearner[]): string =>
  all.length === 1 ? `on ${all[0].node}` : `on ${all.length} nodes`;

const sentence = ({ node, sinceMs, why }: FrozenLearner): string =>
  `${node} since ${dateAndClock(sinceMs)}: ${why}`;

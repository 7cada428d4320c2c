import type { ReactNode } from 'react';
import { wholeDuration } from '../select/format.ts';
import { MODE_WORDS } from '../select/points.ts';
import type { ShownHealth, ShownLease } from '../select/tree.ts';
import type { PointMode } from '../wire.ts';
import { Icon, type IconName } from './icon.tsx';

/** How something stands: always a colour, an icon and a word together. */
export type Tone = 'ok' | 'warn' | 'stop' | 'unknown' | 'info' | 'plain';

/** A word with its icon, in a tone. */
export function Mark(props: { tone: Tone; icon: IconName; children: ReactNode; title?: string }) {
  return (
    <span className="mark" data-tone={props.tone} title={props.title}>
      <Icon name={props.icon} size={14} />
      <span>{props.children}</span>
    </span>
  );
}

const MODES: Readonly<Record<PointMode, { tone: Tone; icon: IconName }>> = {
  learning: { tone: 'ok', icon: 'learning' },
  killed: { tone: 'stop', icon: 'stop' },
  lease_expired: { tone: 'warn', icon: 'lease' },
  overridden: { tone: 'info', icon: 'pin' },
};

/** A point's mode as a pill; `testId` only where the page shows the mode of one point. */
export function ModePill({
  mode,
  why = '',
  testId,
}: {
  mode: PointMode;
  why?: string;
  testId?: string | undefined;
}) {
  const { tone, icon } = MODES[mode];
  const { title, meaning } = MODE_WORDS[mode];
  return (
    <span
      className="mark pill"
      data-tone={tone}
      data-mode={mode}
      data-testid={testId}
      title={why === '' ? meaning : why}
    >
      <Icon name={icon} size={14} />
      {title}
    </span>
  );
}

/** A node's health: unknown has its own colour, icon and word. */
export function HealthMark({ health }: { health: ShownHealth }) {
  const icon: IconName =
    health.state === 'healthy' ? 'check' : health.state === 'degraded' ? 'warn' : 'unknown';
  const tone: Tone = health.state === 'healthy' ? 'ok' : health.state === 'degraded' ? 'warn' : 'unknown';
  const word = health.state === 'healthy' ? 'Healthy' : health.state === 'degraded' ? 'Degraded' : 'Unknown';
  return (
    <Mark tone={tone} icon={icon} title={health.why.join(' ')}>
      {word}
    </Mark>
  );
}

/**
 * A node's lease: what is left of it, of `wholeMs`.
 *
 * @param wholeMs - what a lease is granted for, ms.
 */
export function LeaseMark({ lease, wholeMs }: { lease: ShownLease; wholeMs: number }) {
  switch (lease.state) {
    case 'root':
      return <span className="quiet">root</span>;
    case 'unknown':
      return (
        <Mark tone="unknown" icon="unknown">
          Unknown
        </Mark>
      );
    case 'none':
      return (
        <Mark tone="unknown" icon="lease" title="No lease has been granted since this node started.">
          None yet
        </Mark>
      );
    case 'expired':
      return (
        <Mark tone="warn" icon="lease" title="Overseen points serve their fallback here.">
          Expired {wholeDuration(lease.sinceMs)} ago
        </Mark>
      );
    case 'held': {
      const left = Math.min(1, lease.remainingMs / wholeMs);
      return (
        <span className="lease num" data-low={left < 0.34}>
          {wholeDuration(lease.remainingMs)} left
          <span className="meter" aria-hidden="true">
            <i style={{ width: `${left * 100}%` }} />
          </span>
        </span>
      );
    }
  }
}

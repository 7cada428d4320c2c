import type { ExperimentEntry, Standing } from '../select/experiments.ts';
import type { IconName } from '../ui/icon.tsx';
import { Icon } from '../ui/icon.tsx';
import type { Tone } from '../ui/marks.tsx';

const STANDINGS: Readonly<Record<Standing, { tone: Tone; icon: IconName; word: string }>> = {
  running: { tone: 'info', icon: 'learning', word: 'Running' },
  ship: { tone: 'ok', icon: 'check', word: 'Ship' },
  stop: { tone: 'stop', icon: 'warn', word: 'Stop' },
  mismatch: { tone: 'stop', icon: 'warn', word: 'Not to be trusted' },
  reverted: { tone: 'warn', icon: 'revert', word: 'Reverted' },
  complete: { tone: 'ok', icon: 'check', word: 'Complete' },
  manual: { tone: 'plain', icon: 'pin', word: 'Moved by hand' },
  held: { tone: 'warn', icon: 'pause', word: 'Held' },
};

/** How an experiment stands, as a pill. */
export function StandingMark({ entry, testId }: { entry: ExperimentEntry; testId?: string }) {
  const { tone, icon, word } = STANDINGS[entry.standing];
  const winner = entry.standing === 'ship' ? entry.report?.winner : null;
  return (
    <span className="mark pill" data-tone={tone} data-testid={testId} data-standing={entry.standing}>
      <Icon name={icon} size={14} />
      {winner == null ? word : `${word} ${winner}`}
    </span>
  );
}

/** What is found out, in a word. */
export function kindWord({ report, rollout }: ExperimentEntry): string {
  if (rollout !== null) return 'rollout';
  return report?.kind === 'arms' ? 'bandit experiment' : 'experiment';
}

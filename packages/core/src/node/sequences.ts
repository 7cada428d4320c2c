import { silent } from '../decision/episodes.ts';
import { takeOne } from './intake.ts';
import type { NodeState } from './state.ts';

const ENDS_A_TICK = 4096;

/**
 * Episodes that have been silent for as long as their point allows are over. Where silence is declared to be the end, their
 * last decision is told so like by an application: it is durable, and taught as a correction.
 */
export function endSilent(node: NodeState): void {
  for (const { episodes, compiled } of node.points.values()) {
    const rules = compiled.policy.episodes;
    if (episodes === undefined || rules === undefined) continue;
    // What an episode earned until it fell silent counts, whatever would have come of it.
    const counted = compiled.comparisons.some(({ perEpisode }) => perEpisode === true);
    silent(episodes, rules, node.moment.monoMs, ENDS_A_TICK, (id) => {
      if (rules.onSilence === 'ends') takeOne(node, { id, metrics: { done: 1 } });
      else if (counted) takeOne(node, { id, metrics: { silent: 1 } });
    });
  }
}

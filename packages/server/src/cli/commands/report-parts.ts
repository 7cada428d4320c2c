import { nearest, options } from '@ganglion/core';
import type { PointReport } from '@ganglion/sdk';
import { count, counted, duration, estimate, number, percent, time, UNKNOWN } from '../format.ts';
import { clean, pairs, type Style, table } from '../style.ts';

/** The members of an ensemble, and how alike they propose; nothing where the policy is one. */
export function memberTable({ members = [] }: PointReport, style: Style): readonly string[] {
  if (members.length === 0) return [];
  return [
    table(
      [
        { head: 'MEMBER' },
        { head: 'VOTE', right: true },
        { head: 'ALONE (95 %)' },
        { head: 'LEARNED', right: true },
        { head: 'FAILURES', right: true },
        { head: 'LIKE THE OTHERS' },
      ],
      members.map(({ member, stopped, weight, mean, low, high, n, learned, failures, correlation }, m) => [
        stopped ? `${clean(member)} (killed)` : clean(member),
        percent(weight),
        estimate({ mean, low, high, n: Math.round(n) }),
        count(learned),
        count(failures),
        correlation.flatMap((each, other) => (other === m ? [] : [number(each)])).join(' '),
      ]),
      style,
    ),
  ];
}

/** Whether each arm holds each constraint; nothing where there are none. */
export function constraintTable({ constraints = [] }: PointReport, style: Style): readonly string[] {
  if (constraints.length === 0) return [];
  const words = { met: style.good('met'), unknown: 'not known yet', violated: style.bad('violated') };
  return [
    table(
      [{ head: 'CONSTRAINT' }, { head: 'ARM' }, { head: 'STATE' }, { head: 'MEAN (always valid)' }],
      constraints.map(({ metric, max, min, arm, state, ...estimated }) => [
        `${clean(metric)} ${max === undefined ? `at least ${min}` : `at most ${max}`}`,
        arm,
        words[state],
        estimate(estimated),
      ]),
      style,
    ),
  ];
}

/**
 * Where a rollout stands and what it waits for, or why it was taken back: from the declaration, which its steps change, so it
 * is told also where nobody is left to compare with. Nothing where the point has none.
 */
export function rolloutText(report: PointReport): readonly (readonly [string, string])[] {
  const rollout = report.spec.guards?.find(({ kind }) => kind === 'rollout');
  if (rollout === undefined) return [];
  const { reverted } = rollout;
  if (typeof reverted === 'string')
    return [['rollout', `reverted${reverted.startsWith('at ') ? '' : ':'} ${clean(reverted)}`]];
  return [['rollout', stageText(rollout, report)]];
}

/** As far as the guard's defaults go, they are read as it reads them. */
function stageText(rollout: options.Options, { experiments = [] }: PointReport): string {
  const { stages: declared = ['1%', '5%', '25%', '100%'], stage = 0, guardrails, dwell = '1h' } = rollout;
  const stages = (declared as readonly unknown[]).map((each) => options.parseShare(each, 'stages'));
  const at = Math.min(stages.length - 1, Number(stage));
  const place = `${at + 1} of ${stages.length}`;
  const share = percent(stages[at]);
  if (at === stages.length - 1)
    return stages[at] === 1 ? `complete: ${share} (stage ${place})` : `the last stage, ${place}: ${share}`;
  const here = `stage ${place}, ${share}`;
  if (guardrails === undefined)
    return `${here}: without guardrails a person moves it on, to stage: ${at + 1}`;
  const compared = experiments.find(({ kind, experiment }) => kind === 'rollout' && experiment === 'rollout');
  if (compared?.mismatch.verdict === 'mismatch')
    return `${here}: held, for those that count are not those that were assigned`;
  // Said from as many on as a rare metric would have been heard of.
  const [warning] = compared?.warnings ?? [];
  if (warning !== undefined) return `${here}: held, for ${clean(warning)}`;
  const inside = compared?.variants.find(({ control }) => !control)?.counted ?? 0;
  // A unit that several nodes counted is one.
  const [so, of] = [Math.floor(inside / (compared?.repeats ?? 1)), Number(rollout.minOutcomes ?? 1000)];
  const whom = rollout.count === 'decision' ? 'decisions' : 'units';
  return `${here}: ${count(so)} of ${count(of)} ${whom} have counted; goes on then, after ${duration(options.parseDuration(dwell, 'dwell'))} in it at least`;
}

/** Metrics that came by a name the objective does not know, where one that it waits for is spelt nearly so; else nothing. */
export function misspeltText({ spec, lift }: PointReport): readonly string[] {
  const named = Object.keys(spec.objective ?? {}).filter((key) => key !== 'range' && key !== 'constraints');
  const came = lift.map(({ metric }) => metric).filter((metric) => metric !== 'reward');
  const awaited = named.filter((metric) => !came.includes(metric));
  return came.flatMap((metric) => {
    const meant = named.includes(metric) ? undefined : nearest(metric, awaited);
    return meant === undefined
      ? []
      : [`${clean(metric)} is kept, and teaches nothing: the objective waits for ${clean(meant)}\n`];
  });
}

/** Limits of metrics that no outcome has told: a name that is misspelt, or a metric that nobody sends. */
export function unlimitedText({ spec, lift }: PointReport): readonly string[] {
  // Of outcomes in experiments, outside a rollout or under a person's word, nobody says here which metrics they told.
  const outcomes = Math.max(0, ...lift.map(({ sums }) => (sums ? sums.treated.n + sums.holdout.n : 0)));
  const limits = (spec.guards ?? []).filter(({ kind }) => kind === 'limit');
  return limits.flatMap(({ of, cost }) => {
    // What is charged when a decision is drawn needs no outcome.
    const drawn = of === 'actions' || of === 'exposure' || cost !== undefined;
    // Beyond so many metrics a node keeps no more: it may have come.
    if (drawn || outcomes === 0 || lift.length >= 64 || lift.some(({ metric }) => metric === of)) return [];
    const so = `none of ${counted(outcomes, 'outcome')} has told it`;
    return [`the limit of ${clean(String(of))} limits nothing yet: ${so}\n`];
  });
}

/** What the rewards of arms that are ranked rest on; nothing where the point does not rank. */
export function slateText({ slate }: PointReport): readonly string[] {
  if (slate?.givenExamination === undefined) return [];
  const shown = slate.examination.map((each) => number(each)).join(' · ');
  return [
    `rewards are to those who look, given the ${slate.givenExamination} examination by position ${shown}; its own uncertainty is in no interval\n`,
  ];
}

/** How well the learner predicts, whether it decays, and what is not learned; nothing where nobody watches it. */
export function validationText({ validation, training }: PointReport, style: Style): readonly string[] {
  const lines: [string, string][] = [];
  if (validation !== undefined) {
    const { judged, kind, loss, recent, calibration, decay, frozen } = validation;
    const name = kind === 'binary' ? 'Brier score' : 'squared error';
    const shown = ({ squared, reference, skill }: typeof loss): string =>
      `${number(squared)} (mean of each arm ${number(reference)}, skill ${skill === null ? UNKNOWN : percent(skill)})`;
    lines.push(['predicted', `${counted(judged, 'outcome')} before they were learned`]);
    lines.push([name, shown(loss)], ['lately', shown(recent)]);
    if (loss.log !== null) lines.push(['log loss', `${number(loss.log)} (${number(loss.referenceLog)})`]);
    const { ece, eceByChance, verdict, e } = calibration;
    const word = verdict === 'off' ? style.bad(verdict) : verdict;
    lines.push([
      'calibration',
      `${word}: off by ${percent(ece)}, chance alone ${percent(eceByChance)} (e ${number(e)})`,
    ]);
    const tested = decay.armed ? `e ${number(decay.e)} of ${number(decay.threshold)}` : 'not tested yet';
    lines.push(['decay', frozen.length === 0 ? tested : style.bad('found')]);
    for (const { node, action, sinceMs, untilMs, why } of frozen)
      lines.push([
        action === 'report' ? 'decays' : 'frozen',
        `${clean(node)} since ${time(sinceMs)}${untilMs === null ? '' : `, until ${time(untilMs)}`}: ${clean(why)}`,
      ]);
  }
  if (training !== undefined) {
    const { selfCaused, caused, others, heldBack, frozen } = training;
    lines.push([
      'caused',
      `${counted(caused, 'outcome')} by the learner, ${count(others)} by others (${selfCaused})`,
    ]);
    if (heldBack + frozen > 0)
      lines.push(['not learned', `${count(heldBack)} held back, ${count(frozen)} while frozen`]);
  }
  return lines.length === 0 ? [] : [pairs(lines, style)];
}

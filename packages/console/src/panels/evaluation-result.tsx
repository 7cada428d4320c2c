import { concludeFrom, estimateScale, saying, weightBars } from '../select/evaluation.ts';
import { count, dateAndClock, number, percent } from '../select/format.ts';
import { type Fact, Facts } from '../ui/facts.tsx';
import { Forest, type ForestRow } from '../ui/forest.tsx';
import { Histogram } from '../ui/histogram.tsx';
import type { Tone } from '../ui/marks.tsx';
import { Panel } from '../ui/panel.tsx';
import type { EvaluateAnswer, EvaluatedCandidate } from '../wire.ts';

/** The answer: what to conclude, every estimator beside the log's own value, and how much of the log speaks at all. */
export function EvaluationResult({ answer }: { answer: EvaluateAnswer }) {
  const [candidate] = answer.candidates;
  const { tone, title, words } = concludeFrom(candidate);
  return (
    <>
      <div className="verdict" data-tone={tone} data-testid="evaluation-verdict">
        <strong>{title}</strong>
        <span>{words}</span>
        {candidate.refused.length > 0 && (
          <ul className="refusals">
            {candidate.refused.map(({ reason, why }) => (
              <li key={reason}>
                <code>{reason}</code> {why}
              </li>
            ))}
          </ul>
        )}
      </div>
      {candidate.refused.length === 0 && <Estimates candidate={candidate} level={answer.level} />}
      <Overlap candidate={candidate} />
      <LogPanel answer={answer} />
    </>
  );
}

/** What each estimator is, in a few words. */
const WORDS: Readonly<Record<string, string>> = {
  ips: 'inverse propensity; unbiased',
  snips: 'self-normalised',
  dm: 'a reward model alone',
  dr: 'doubly robust: usually the one',
  sndr: 'doubly robust, self-normalised',
  'switch-dr': 'the model where weights are huge',
  dros: 'weights shrunk',
};
const TONES: Readonly<Record<ReturnType<typeof saying>, Tone>> = {
  better: 'ok',
  worse: 'stop',
  undecided: 'info',
};

function Estimates({ candidate, level }: { candidate: EvaluatedCandidate; level: number }) {
  const { logged } = candidate;
  return (
    <Panel
      title={`What it would have brought, ${percent(level)} intervals`}
      flush
      aside={<span className="quiet">beside the log’s own value</span>}
    >
      <Forest
        label="Estimates of the candidate’s value"
        scale={estimateScale(candidate)}
        zero={logged?.value ?? null}
        band={logged === null ? null : [logged.low, logged.high]}
        format={(value) => number(value)}
        rows={[...(logged === null ? [] : [loggedRow(logged)]), ...candidate.estimates.map(rowOf)]}
      />
    </Panel>
  );
}

function loggedRow(logged: NonNullable<EvaluatedCandidate['logged']>): ForestRow {
  return {
    key: 'log',
    name: (
      <span className="forest-words">
        <span className="strong">the log itself</span>
        <small className="quiet">what was done, and brought</small>
      </span>
    ),
    mean: logged.value,
    low: logged.low,
    high: logged.high,
    tone: 'plain',
    quiet: true,
    figures: <Figures value={logged.value} low={logged.low} high={logged.high} />,
  };
}

function rowOf(estimate: EvaluatedCandidate['estimates'][number]): ForestRow {
  const { estimator, value, low, high, difference, parameter, interval } = estimate;
  const word = saying(estimate);
  return {
    key: estimator,
    name: (
      <span className="forest-words">
        <span className="strong">{estimator}</span>
        <small className="quiet">
          {WORDS[estimator]}
          {parameter !== null && ` (${number(parameter)})`}
          {interval === 'empirical-bernstein'
            ? '; few rows vary: a bound'
            : difference.interval === 'empirical-bernstein' && '; few rows differ: beyond the log a bound'}
        </small>
      </span>
    ),
    mean: value,
    low,
    high,
    tone: TONES[word],
    figures: (
      <>
        <Figures value={value} low={low} high={high} />
        <span className="fine" data-verdict={word}>
          {signed(difference.value)}{' '}
          <span className="quiet">
            beyond the log, {signed(difference.low)} to {signed(difference.high)}
          </span>
        </span>
      </>
    ),
  };
}

function Figures({ value, low, high }: { value: number; low: number; high: number }) {
  return (
    <span>
      <span className="strong">{number(value)}</span>{' '}
      <span className="quiet">
        {number(low)} to {number(high)}
      </span>
    </span>
  );
}

const signed = (value: number): string => (value > 0 ? `+${number(value)}` : number(value));

/** How much of the log speaks about the candidate: what every estimate stands on. */
function Overlap({ candidate }: { candidate: EvaluatedCandidate }) {
  const { overlap, weights } = candidate;
  const share = overlap.rows === 0 ? 0 : overlap.effective / overlap.rows;
  const bars = weightBars(weights);
  const facts: readonly Fact[] = [
    ['Largest weight', number(overlap.maxWeight), `${percent(overlap.maxWeightShare)} of all weight`],
    [
      'Mean weight',
      `${number(overlap.meanWeight)} ± ${number(overlap.meanWeightError, 2)}`,
      '1 where propensities are right',
    ],
    [
      'Never done here',
      overlap.unsupported === null ? 'unknown' : percent(overlap.unsupported),
      'of what the candidate does',
    ],
    ['Unknown propensity', count(overlap.unknown), 'decisions left out'],
  ];
  return (
    <Panel title="Overlap with the log" className="overlap">
      <div className="overlap-grid">
        <div className="overlap-effective">
          <span className="label">Effective decisions</span>
          <p className="headline-figure">
            <strong data-testid="effective">{count(overlap.effective)}</strong>
            <span className="headline-beside">of {count(overlap.rows)}</span>
          </p>
          <span className="meter" aria-hidden="true">
            <i style={{ width: `${Math.min(1, share) * 100}%` }} />
          </span>
          <p className="fine quiet">The log is worth so many decisions of the candidate’s own traffic.</p>
          <Facts facts={facts} className="overlap-facts" />
        </div>
        <figure>
          <figcaption className="label">
            Decisions by weight: how much likelier the candidate was to do the same
          </figcaption>
          {bars.length > 0 && (
            <Histogram
              bars={bars}
              label={`Decisions by weight: ${bars.map(({ title, rows }) => `${title}: ${rows}`).join(', ')}`}
            />
          )}
        </figure>
      </div>
    </Panel>
  );
}

function LogPanel({ answer }: { answer: EvaluateAnswer }) {
  const { log, nodes, candidates } = answer;
  const skipped = Object.entries(log.skipped).map(([why, n]) => `${count(n)} ${why}`);
  if (log.older > 0) skipped.push(`${count(log.older)} older`);
  const facts: readonly (readonly [string, string])[] = [
    ['Decisions', `${count(log.rows)}${skipped.length > 0 ? `; left out: ${skipped.join(', ')}` : ''}`],
    ['From', log.fromMs === null ? 'none' : `${dateAndClock(log.fromMs)} to ${dateAndClock(log.toMs)}`],
    ['Kept by', `${nodes.join(', ')}; nodes of other processes keep their own log`],
    ['Candidate', candidates[0].how],
    [
      'Its own value',
      log.value === null
        ? 'unknown'
        : `${number(log.value.value)}, ${number(log.value.low)} to ${number(log.value.high)}`,
    ],
    ['Seed', `${answer.seed}: the same again gives the same answer`],
  ];
  return (
    <Panel title="The log">
      <dl className="log-facts">
        {facts.map(([title, words]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd className="num">{words}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

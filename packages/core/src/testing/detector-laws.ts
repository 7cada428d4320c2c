import type { Detector } from '../detector.ts';
import { isGanglionError } from '../errors.ts';
import { sqrt } from '../stats/math.ts';
import type { Stream } from '../stats/random.ts';
import { copyOf, demand, difference, type Law } from './law.ts';

/** A detector under test, with the stream it is made for. */
export interface DetectorSubject {
  make(): Detector;
  /** One sample of a stream without change. */
  still(random: Stream): number;
  /** One sample of a stream with the change that the detector declares to find. */
  changed(random: Stream): number;
  /** Samples within which the change must be found; so many that missing it is out of the question. */
  readonly within: number;
}

/** Most samples that the false-alarm law takes; a detector rarer than that is held to "hardly ever". */
const LONGEST = 200_000;
/** Most characters of a serialised state. */
const STATE_LIMIT = 64_000;

/** What every `Detector` must do (see the contract). */
export function detectorLaws(subject: DetectorSubject): readonly Law[] {
  return [...alerts(subject), ...states(subject)];
}

/** What it finds, how often by mistake, and what it says. */
function alerts(subject: DetectorSubject): Law[] {
  return [
    {
      law: 'without a change, false alarms are as rare as it states',
      run(random) {
        const detector = subject.make();
        const { samples } = detector.falseAlarm;
        const n = Math.min(LONGEST, Math.ceil(20 * samples));
        const state = detector.initial();
        let alarms = 0;
        for (let i = 0; i < n; i++)
          if (detector.observe(state, { value: subject.still(random), atMs: i }) !== undefined) alarms++;
        const expected = n / samples;
        // Alarms come about as a Poisson process; 4.5 standard deviations beyond.
        const most = expected + 4.5 * sqrt(expected) + 2;
        demand(alarms <= most, `${alarms} alarms in ${n} samples, at most ${most.toFixed(1)} stated`);
      },
    },
    {
      law: 'the change it is made for is found',
      run(random) {
        const detector = subject.make();
        const state = detector.initial();
        const before = random.integer(500);
        for (let i = 0; i < before; i++) detector.observe(state, { value: subject.still(random), atMs: i });
        for (let i = 0; i < subject.within; i++)
          if (detector.observe(state, { value: subject.changed(random), atMs: before + i }) !== undefined)
            return;
        throw new Error(`not found within ${subject.within} samples`);
      },
    },
    {
      law: 'an alert names the detector, its time, and a statistic beyond its threshold',
      run(random) {
        const detector = subject.make();
        const state = detector.initial();
        for (let i = 0; i < subject.within; i++) {
          const alert = detector.observe(state, { value: subject.changed(random), atMs: 1000 + i });
          if (alert === undefined) continue;
          demand(alert.detector === detector.name && alert.atMs === 1000 + i, 'wrong name or time');
          demand(alert.statistic >= alert.threshold, `${alert.statistic} is below ${alert.threshold}`);
          demand(/^[^\n]{3,200}$/.test(alert.message), 'the message is not one short sentence');
        }
      },
    },
  ];
}

/** What it remembers, and where. */
function states(subject: DetectorSubject): Law[] {
  return [
    {
      law: 'the same samples give the same alerts, and the detector itself remembers nothing',
      run(random) {
        const detector = subject.make();
        const [state, twin, noise] = [detector.initial(), detector.initial(), detector.initial()];
        for (let i = 0; i < 2000; i++) {
          const sample = { value: mixed(subject, random), atMs: i };
          const alert = detector.observe(state, sample);
          detector.observe(noise, { value: subject.changed(random), atMs: i });
          const other = detector.observe(twin, sample);
          demand(difference(alert, other) === '', `sample ${i}: ${difference(alert, other)}`);
        }
      },
    },
    {
      law: 'NaN and infinities are refused, and leave the state as it was',
      run(random) {
        const detector = subject.make();
        const state = detector.initial();
        for (let i = random.integer(100); i >= 0; i--)
          detector.observe(state, { value: mixed(subject, random), atMs: i });
        const before = copyOf(state);
        for (const value of [Number.NaN, Infinity, -Infinity]) {
          let error: unknown;
          try {
            detector.observe(state, { value, atMs: 0 });
          } catch (thrown) {
            error = thrown;
          }
          demand(isGanglionError(error, 'invalid_input'), `${value} was not refused as invalid_input`);
        }
        demand(difference(state, before) === '', `the state changed at ${difference(state, before)}`);
      },
    },
    {
      law: 'state is bounded plain data: stored as JSON and read back, it goes on as before',
      run(random) {
        const detector = subject.make();
        let state = detector.initial();
        const whole = detector.initial();
        for (let i = 0; i < 3000; i++) {
          const sample = { value: mixed(subject, random), atMs: i };
          const found = difference(detector.observe(state, sample), detector.observe(whole, sample));
          demand(found === '', `after storing, sample ${i}: ${found}`);
          if (random.integer(100) > 0) continue;
          const json = JSON.stringify(state);
          demand(json.length <= STATE_LIMIT, `${json.length} characters of state`);
          state = JSON.parse(json);
        }
      },
    },
  ];
}

/** A sample of a stream that changes all the time. */
const mixed = (subject: DetectorSubject, random: Stream): number =>
  random.integer(2) === 0 ? subject.still(random) : subject.changed(random);

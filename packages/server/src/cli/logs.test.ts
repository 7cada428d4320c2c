import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { synthetic } from '@ganglion/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTables, openBanditAt } from '../testing/log-data.ts';
import type { Io } from './io.ts';
import { run } from './run.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-logs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => path.join(folder, name);

const log = synthetic(3000, 4);
beforeAll(() => {
  const rows = Array.from(
    log.reward,
    (r, i) => `arm${log.arm[i]},${r},${log.propensity[i]},c${log.context[i]}`,
  );
  writeFileSync(file('log.csv'), `arm,reward,propensity,kind\n${rows.join('\n')}\n`);
  writeFileSync(
    file('candidate.yaml'),
    'policy:\n  kind: split\n  weights: { arm0: 1, arm1: 1, arm2: 1, arm3: 1, arm4: 1 }\n',
  );
  writeFileSync(file('learning.yaml'), 'policy: { kind: thompson }\n');
  writeFileSync(file('misspelt.yaml'), 'policy: { kind: thomson }\n');
  writeFileSync(file('stranger.yaml'), 'point: p\narms: [a, b]\nfallback: a\npolicy: { kind: split }\n');
});

async function ganglion(args: readonly string[], changes: Partial<Io> = {}) {
  let out = '';
  let err = '';
  const code = await run(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    stdin: async () => '',
    env: {},
    isTerminal: false,
    columns: 100,
    interrupted: new AbortController().signal,
    ...changes,
  });
  return { code, out, err };
}

describe.skipIf(!hasTables)('ganglion evaluate', () => {
  it('tells the log’s own value, the overlap and every estimate with its interval', async () => {
    const { code, out, err } = await ganglion([
      'evaluate',
      file('log.csv'),
      '--map',
      'context=kind',
      '--policy',
      file('candidate.yaml'),
    ]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/its own value +0\.\d+ \[0\.\d+, 0\.\d+\]/);
    expect(out).toMatch(/effective +[\d .]+ of 3 000 decisions/);
    for (const name of ['ips', 'snips', 'dm', 'dr', 'sndr', 'switch-dr', 'dros'])
      expect(out).toMatch(new RegExp(`${name} +0\\.\\d+ +\\[0\\.\\d+, 0\\.\\d+\\]`));
  });

  it('answers in JSON, holding the truth', async () => {
    const { out } = await ganglion([
      'evaluate',
      file('log.csv'),
      '--policy',
      file('candidate.yaml'),
      '--json',
    ]);
    const { candidates } = JSON.parse(out);
    const truth = log.mu.flat().reduce((a, b) => a + b, 0) / 20;
    for (const { low, high } of candidates[0].estimates) {
      expect(low).toBeLessThan(truth);
      expect(high).toBeGreaterThan(truth);
    }
  });

  it('trains a policy that learns on the other folds', async () => {
    const { code, out } = await ganglion(['evaluate', file('log.csv'), '--policy', file('learning.yaml')]);
    expect(code).toBe(0);
    expect(out).toContain('learned from the other 4 of 5 folds');
  });

  it('takes a refusal for an answer', async () => {
    const args = ['evaluate', file('log.csv'), '--policy', file('candidate.yaml'), '--min-effective', '5000'];
    const { code, out } = await ganglion(args);
    expect(code).toBe(0);
    expect(out).toMatch(/refused: the log does not know\n +thin: the log is worth \d+ rows/);
    expect(JSON.parse((await ganglion([...args, '--json'])).out).candidates[0]).toMatchObject({
      refused: [{ reason: 'thin' }],
      estimates: [],
    });
  });

  it('shows its progress on a terminal, and leaves none of it', async () => {
    const { err } = await ganglion(['evaluate', file('log.csv'), '--policy', file('candidate.yaml')], {
      isTerminal: true,
    });
    expect(err).toContain('fitting the reward model');
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });

  it.each([
    [['evaluate'], 2, /give a log/],
    [['evaluate', 'x.csv'], 2, /--policy/],
    [['evaluate', 'x.csv', '--policy', 'none.yaml', '--level', '2'], 2, /0\.5 to/],
    [['evaluate', 'none.csv', '--policy', file('candidate.yaml')], 1, /none\.csv is not there/],
    [['evaluate', 'none.csv', '--policy', file('misspelt.yaml')], 1, /policy\.kind is not known here/],
    [['evaluate', file('log.csv'), '--policy', 'none.yaml'], 1, /none\.yaml/],
    [['evaluate', file('log.csv'), '--policy', file('stranger.yaml')], 1, /no arm for 5/],
    [['evaluate', file('log.csv'), '--map', 'ar=x', '--policy', file('candidate.yaml')], 1, /not known/],
    [['evaluate', file('log.csv'), '--estimators', 'ips,best', '--policy', 'p'], 2, /There are: ips/],
    [['replay', file('log.csv'), '--bound', 'x'], 2, /--bound/],
    [
      ['evaluate', file('log.csv'), '--policy', file('candidate.yaml'), '--range', '0,0.5'],
      1,
      /reward of row \d+ is not usable[\s\S]*\[0, 0\.5\]/,
    ],
    [['evaluate', file('log.csv'), '--range', '1,0', '--policy', 'p'], 2, /LOW,HIGH/],
  ])('%j fails with %d', async (args, code, message) => {
    const ran = await ganglion(args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
    expect(ran.out).toBe('');
  });
});

describe.skipIf(!hasTables)('ganglion replay', () => {
  it('learns along the log, and prints the same digest every time', async () => {
    const args = ['replay', file('log.csv'), '--policy', file('learning.yaml')];
    const [first, second] = [await ganglion(args), await ganglion(args)];
    expect(first).toEqual(second);
    expect(first.out).toMatch(/kept +\d+ of 3 000 decisions/);
    expect(first.out).toMatch(/digest +[0-9a-f]{64}/);
    expect((await ganglion([...args, '--seed', '2'])).out).not.toBe(first.out);
  });

  it('of an Open Bandit log begins with the published prior, and says so', async () => {
    const head =
      'timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,user_feature_3';
    const rows = Array.from(
      { length: 120 },
      (_, i) =>
        `2019-11-24 00:00:${10 + (i % 50)}+00:00,${i % 2},${1 + (i % 3)},${i % 7 === 0 ? 1 : 0},0.5,a,b,c,d`,
    );
    mkdirSync(file('women'));
    writeFileSync(file('women/women.csv'), [head, ...rows, ''].join('\n'));
    const replay = async () => (await ganglion(['replay', '--format', 'obd', file('women')])).out;
    expect(await replay()).toMatch(/^policy +thompson\/1$/m);
    writeFileSync(file('prior_bts.yaml'), 'women: { alpha: [3, 2], beta: [7, 8] }\n');
    expect(await replay()).toMatch(/^policy +thompson\/1 from prior_bts\.yaml$/m);
  });

  it.skipIf(openBanditAt('bts') === undefined)(
    'and evaluate take an Open Bandit folder as it is',
    async () => {
      const at = openBanditAt('bts') as string;
      const { out: evaluated } = await ganglion(['evaluate', '--format', 'obd', at]);
      expect(evaluated).toMatch(/own value +0\.0046 \[/);
      expect(evaluated).toMatch(/uniform[\s\S]*effective +2\.08 of[\s\S]*refused[\s\S]*bts[\s\S]*dr +0\.\d+/);
      const { out: replayed } = await ganglion(['replay', '--format', 'obd', at]);
      expect(replayed).toMatch(/own value +0\.0046[\s\S]*effective[\s\S]*snips +0\.\d+ +\[/);
    },
    60_000,
  );
});

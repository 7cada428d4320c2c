import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { exponential, logNormal, seededRandom } from './demo-random.ts';
import { drawService, PROFILES, readProfile, spellLengths } from './demo-service.ts';
import { histogram, quantile, record } from './histogram.ts';
import { eventually, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

type Message = Record<string, unknown> & { event: string };

interface Running {
  readonly child: ChildProcess;
  readonly messages: Message[];
  send(message: object): void;
  next(event: string): Promise<Message>;
}

/** Starts one of the demo's programs, with its standard input held open. */
function start(program: string, ...args: string[]): Running {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=source', file, ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  scope.defer(() => child.kill('SIGKILL'));
  const messages: Message[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
    messages.push(JSON.parse(line)),
  );
  return {
    child,
    messages,
    send: (message) => child.stdin?.write(`${JSON.stringify(message)}\n`),
    async next(event) {
      await eventually(() => messages.some((message) => message.event === event));
      return messages.find((message) => message.event === event) as Message;
    },
  };
}

async function exitOf(running: Running): Promise<number | null> {
  if (running.child.exitCode === null) await once(running.child, 'exit');
  return running.child.exitCode;
}

describe('demo backend', () => {
  it('says where it listens, answers, and ends with its parent', async () => {
    const backend = start('demo-backend.ts', '--name', 'b1', '--profile', '{"medianMs":1}');
    const { origin, name } = await backend.next('listening');
    expect(name).toBe('b1');
    const response = await fetch(`${origin}/anything`);
    expect(response.headers.get('x-backend')).toBe('b1');
    expect(await response.json()).toMatchObject({ backend: 'b1', status: 200 });
    expect(await (await fetch(`${origin}/healthz`)).text()).toBe('ok\n');
    backend.child.stdin?.end();
    expect(await exitOf(backend)).toBe(0);
  });

  it('has spells of failure, announced', async () => {
    const failing = '{"medianMs":1,"failing":{"everyMs":20,"forMs":100000,"share":1}}';
    const backend = start('demo-backend.ts', '--profile', failing);
    const { origin } = await backend.next('listening');
    expect(await backend.next('spell')).toMatchObject({ kind: 'failing', on: true });
    expect((await fetch(String(origin))).status).toBe(500);
  });

  it('serves as many at once as it has workers, and refuses what the line cannot take', async () => {
    const slow = '{"medianMs":50,"sigma":0,"workers":1,"line":1}';
    const backend = start('demo-backend.ts', '--profile', slow);
    const { origin } = await backend.next('listening');
    const statuses = await Promise.all([1, 2, 3].map(async () => (await fetch(String(origin))).status));
    expect(statuses.sort()).toEqual([200, 200, 503]);
  });

  it.each([
    ['--port', '70000'],
    ['--profile', '{"medianMs":"x"}'],
    ['--profile', '{"typo":1}'],
    ['--profile', 'unknown'],
    ['--seed', 'x'],
    ['--nonsense', 'x'],
  ])('ends with code 2 over %s %s', async (...args) => {
    expect(await exitOf(start('demo-backend.ts', ...args))).toBe(2);
  });
});

describe('demo client', () => {
  it('keeps its pace whatever the answers do, and counts what becomes of its requests', async () => {
    const origin = await scope.backend((request, response) => {
      if (request.url === '/hang') return;
      if (request.url === '/break') request.socket.destroy();
      else response.writeHead(request.url === '/fail' ? 500 : 200).end('x');
    });
    const paths = ['/', '/fail', '/break', '/hang'].flatMap((path) => ['--path', path]);
    const client = start(
      'demo-client.ts',
      ...['--target', origin, '--rate', '400', '--timeout-ms', '300', '--report-ms', '100', ...paths],
    );
    await eventually(() => sum(client, 'timeouts') > 0 && sum(client, 'sent') >= 200);
    for (const count of ['ok', 'errors', 'broken']) expect(sum(client, count)).toBeGreaterThan(0);
    client.send({ stop: true });
    const summary = await client.next('summary');
    expect(await exitOf(client)).toBe(0);
    const ends = ['ok', 'errors', 'broken', 'timeouts', 'dropped'].map((key) => summary[key] as number);
    expect(ends.reduce((a, b) => a + b)).toBe(summary.sent);
    expect(summary.inFlight).toBe(0);
    expect((summary.latencyMs as { max: number }).max).toBeGreaterThanOrEqual(300);
  });

  it('sends units, changes its pace when told, and ends with its parent', async () => {
    const units = new Set<unknown>();
    let seen = 0;
    const origin = await scope.backend((request, response) => {
      units.add(request.headers['x-unit']);
      seen += 1;
      response.end();
    });
    const client = start('demo-client.ts', '--target', origin, '--rate', '1', '--units', '5');
    client.send({ rate: 2000 });
    await eventually(() => seen > 500);
    expect([...units].sort()).toEqual(['u0', 'u1', 'u2', 'u3', 'u4']);
    client.child.stdin?.end();
    expect(await exitOf(client)).toBe(0);
  });

  it('ends with code 2 over bad arguments', async () => {
    expect(await exitOf(start('demo-client.ts'))).toBe(2);
    expect(await exitOf(start('demo-client.ts', '--target', 'http://x', '--rate', '0'))).toBe(2);
  });
});

describe('chance of the demo', () => {
  it('is the same for the same seed', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const spells = (seed: number): number[] => {
      const lengths = spellLengths(seededRandom(seed), { everyMs: 100, forMs: 10 });
      return Array.from({ length: 6 }, () => lengths.next().value);
    };
    expect(spells(3)).toEqual(spells(3));
    for (const [i, ms] of spells(3).entries()) {
      const mean = i % 2 === 0 ? 100 : 10;
      expect(ms).toBeGreaterThanOrEqual(0.5 * mean);
      expect(ms).toBeLessThan(1.5 * mean);
    }
  });

  it('has the means and medians it says', () => {
    const random = seededRandom(1);
    const n = 100_000;
    const mean = Array.from({ length: n }, () => exponential(random, 10)).reduce((a, b) => a + b) / n;
    // Five standard errors of the mean.
    expect(Math.abs(mean - 10)).toBeLessThan((5 * 10) / Math.sqrt(n));
    const below = Array.from({ length: n }, () => logNormal(random, 20, 0.4)).filter((ms) => ms < 20).length;
    expect(Math.abs(below / n - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(n));
  });

  it('slows and fails only in spells', () => {
    const off = { slow: false, failing: false };
    const statuses = (on: typeof off): number => {
      const random = seededRandom(2);
      return Array.from({ length: 1000 }, () => drawService(PROFILES.fails, random, on)).filter(
        ({ status }) => status === 500,
      ).length;
    };
    expect(statuses(off)).toBe(0);
    expect(Math.abs(statuses({ ...off, failing: true }) - 500)).toBeLessThan(5 * Math.sqrt(250));
    const { ms } = drawService(PROFILES.slows, seededRandom(3), off);
    expect(drawService(PROFILES.slows, seededRandom(3), { ...off, slow: true }).ms).toBeCloseTo(12 * ms, 9);
  });

  it('takes profiles by name or as JSON over the steady one', () => {
    expect(readProfile('slows')).toBe(PROFILES.slows);
    expect(readProfile('{"workers":2}')).toEqual({ ...PROFILES.steady, workers: 2 });
  });
});

describe('histogram', () => {
  it('gives quantiles within 1 % of the exact ones', () => {
    const random = seededRandom(4);
    const all = Array.from({ length: 20_000 }, () => logNormal(random, 30, 1.5));
    const counted = histogram();
    for (const ms of all) record(counted, ms);
    all.sort((a, b) => a - b);
    for (const q of [0.001, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = all[Math.ceil(q * all.length) - 1];
      expect(Math.abs(quantile(counted, q) / exact - 1)).toBeLessThan(0.0101);
    }
  });

  it('takes what is beyond its ends, and has no quantile of nothing', () => {
    const counted = histogram();
    expect(quantile(counted, 0.5)).toBeNaN();
    for (const ms of [0, -1, 1e-9, 1e12]) record(counted, ms);
    expect(counted.count).toBe(4);
    expect(quantile(counted, 0)).toBeLessThan(0.01);
  });
});

function sum(running: Running, key: string): number {
  return running.messages
    .filter(({ event }) => event === 'report')
    .reduce((total, message) => total + (message[key] as number), 0);
}

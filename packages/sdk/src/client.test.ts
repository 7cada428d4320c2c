import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FeedbackItem, GanglionError } from '@ganglion/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClientOptions, createClient } from './client.ts';

/** A daemon that answers as each test wants: what is tested is what the client makes of it. */
const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function daemon(
  answer: (response: ServerResponse, attempt: number, seen: Seen) => void,
  options: ClientOptions = {},
) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      answer(response, seen.length, seen.at(-1)!);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { seen, client: createClient({ url: `http://127.0.0.1:${port}`, ...options }) };
}

const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};
const busy = (response: ServerResponse): void =>
  json(response, 503, { code: 'overloaded', detail: 'busy', status: 503 }, { 'retry-after': '0' });

/** Lists in a list, so many. */
function nested(depth: number): unknown {
  let value: unknown = null;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

const refusal = (call: Promise<unknown>): Promise<GanglionError> =>
  call.then(
    () => expect.fail('it was answered'),
    (error: GanglionError) => error,
  );

describe('a call', () => {
  it('carries token, actor, node and body', async () => {
    const { client, seen } = await daemon((response) => json(response, 200, { tag: 't', boundMs: null }), {
      token: 'secret-token',
      actor: 'alice',
      node: 'device-1',
    });
    await client.kill('point:a b', 'because');
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/v1/kill?node=device-1',
      headers: {
        authorization: 'Bearer secret-token',
        'x-ganglion-actor': 'alice',
        'content-type': 'application/json',
      },
      body: '{"scope":"point:a b","reason":"because"}',
    });
  });

  it('puts names into addresses safely', async () => {
    const { client, seen } = await daemon((response) => json(response, 200, {}));
    await client.points.get('a/b?c#d');
    await client.removeOverride('p', { tag: 'a&b', reason: 'x y' });
    expect(seen.map(({ url }) => url)).toEqual([
      '/v1/points/a%2Fb%3Fc%23d',
      '/v1/points/p/override?tag=a%26b&reason=x+y',
    ]);
  });
});

describe('a refusal', () => {
  it('is the error it was: code, field, value, mend, status', async () => {
    const problem = {
      code: 'invalid_spec',
      status: 400,
      title: 'Bad Request',
      detail: 'arms is empty',
      field: 'arms',
      value: '[]',
      mend: 'Give two.',
    };
    const { client, seen } = await daemon((response) => json(response, 400, problem));
    const { code, status, field, value, mend } = problem;
    await expect(client.points.apply({ point: 'p' } as never)).rejects.toMatchObject({
      code,
      status,
      field,
      value,
      mend,
      message: problem.detail,
    });
    expect(seen).toHaveLength(1);
  });

  it.each([
    [404, 'not_found', 'unsupported'],
    [413, 'too_large', 'invalid_input'],
    [429, 'rate_limited', 'overloaded'],
    [500, 'internal', 'unsupported'],
  ])('of HTTP’s own (%i %s) is the nearest code there is', async (status, code, nearest) => {
    const { client } = await daemon((response) => json(response, status, { code, detail: 'x', status }), {
      retries: 0,
    });
    await expect(client.nodes()).rejects.toMatchObject({ code: nearest, status });
  });

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [502, 'unsupported'],
    [504, 'deadline_exceeded'],
  ])('by something in between (%i, not JSON) goes by its status', async (status, code) => {
    const { client } = await daemon((response) => response.writeHead(status).end('<html>'), { retries: 0 });
    await expect(client.nodes()).rejects.toMatchObject({ code, status });
  });

  it('by what is no daemon at all says so, and is not sent again', async () => {
    const { client, seen } = await daemon((response) => response.end('hello'));
    await expect(client.nodes()).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/^What answers at http.* is no Ganglion daemon$/),
    });
    expect(seen).toHaveLength(1);
  });

  it('is no redirect followed elsewhere with the token', async () => {
    const { client, seen } = await daemon(
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      { token: 'secret-token' },
    );
    const { message, mend } = await refusal(client.nodes());
    expect({ message, mend }).toEqual({
      message: expect.stringMatching(/^What answers at http.* sends elsewhere \(status 302\)$/),
      mend: expect.stringContaining('not followed'),
    });
    expect(await refusal(client.nodes())).toMatchObject({ code: 'unsupported' });
    await expect(client.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'unsupported',
    });
    expect(seen).toHaveLength(3);
  });

  it.each(['null', '7', '"hello"'])('by what answers %s is no daemon’s', async (text) => {
    const { client } = await daemon((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(text),
    );
    await expect(client.decide('p')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/is no Ganglion daemon$/),
    });
  });
});

describe('a retry', () => {
  it('follows a 503 for every call: the daemon said that it did nothing', async () => {
    const { client, seen } = await daemon((response, attempt) =>
      attempt < 3 ? busy(response) : json(response, 200, { arm: 'a' }),
    );
    expect(await client.decide('p')).toEqual({ arm: 'a' });
    expect(seen).toHaveLength(3);
  });

  it('stops after as many as were allowed', async () => {
    const { client, seen } = await daemon(busy, { retries: 1 });
    await expect(client.decide('p')).rejects.toMatchObject({ code: 'overloaded' });
    expect(seen).toHaveLength(2);
  });

  it('that does not fit the time that is left is not waited for: what was answered is told', async () => {
    const { client, seen } = await daemon(
      (response) =>
        json(response, 503, { code: 'overloaded', detail: 'busy', status: 503 }, { 'retry-after': '60' }),
      { timeoutMs: 1_500 },
    );
    await expect(client.decide('p')).rejects.toMatchObject({
      code: 'overloaded',
      message: 'busy',
      status: 503,
    });
    expect(seen).toHaveLength(1);
  });

  it('follows a broken connection for what may be done twice, and for nothing else', async () => {
    const broken = (response: ServerResponse): void => void response.destroy();
    const twice = await daemon((response, attempt) =>
      attempt === 1 ? broken(response) : json(response, 202, { accepted: 1 }),
    );
    expect(await twice.client.feedback({ id: 'x', reward: 1 })).toEqual({ accepted: 1 });
    expect(twice.seen[1].body).toBe(twice.seen[0].body);
    for (const call of ['decide', 'revive'] as const) {
      const once = await daemon(broken);
      await expect(
        call === 'decide' ? once.client.decide('p') : once.client.revive('*', 'r'),
      ).rejects.toMatchObject({ code: 'closed' });
      expect(once.seen).toHaveLength(1);
      // It runs: nobody is told to start it.
      const { message, mend } = await refusal(once.client.decide('p'));
      expect(message).toMatch(/broke off/);
      expect(mend).not.toContain('ganglion up');
    }
  });

  it('never follows a refusal', async () => {
    const { client, seen } = await daemon((response) =>
      json(response, 409, { code: 'feedback_conflict', detail: 'x', status: 409 }),
    );
    await expect(client.feedback({ id: 'x', reward: 1 })).rejects.toMatchObject({
      code: 'feedback_conflict',
    });
    expect(seen).toHaveLength(1);
  });
});

describe('a daemon', () => {
  it('that is silent is given up at the deadline', async () => {
    const { client } = await daemon(() => {}, { timeoutMs: 50 });
    await expect(client.nodes()).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  it('that stops in the middle of an answer is given up too', async () => {
    const { client } = await daemon(
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('[{"no'),
      { timeoutMs: 50 },
    );
    await expect(client.nodes()).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  it('that is not there is told as such', async () => {
    await expect(createClient({ url: 'http://127.0.0.1:1', retries: 0 }).nodes()).rejects.toMatchObject({
      code: 'closed',
      mend: expect.stringContaining('ganglion up'),
    });
  });

  it('has an http URL', () => {
    for (const url of ['ftp://x', 'nonsense', ''])
      expect(() => createClient({ url })).toThrow(expect.objectContaining({ code: 'invalid_input' }));
  });
});

describe('what cannot be sent', () => {
  it.each<[string, unknown, string]>([
    ['a metric', { id: 'x', metrics: { latencyMs: Number.NaN } }, 'metrics.latencyMs'],
    ['a reward', { id: 'x', reward: Number.POSITIVE_INFINITY }, 'reward'],
    [
      'one of many',
      [
        { id: 'x', reward: 1 },
        { id: 'y', metrics: { a: Number.NaN } },
      ],
      '[1].metrics.a',
    ],
  ])('%s that is no finite number: JSON would make null of it', async (_, items, field) => {
    const { client, seen } = await daemon((response) => json(response, 202, {}));
    const error = await refusal(client.feedback(items as FeedbackItem));
    expect(error).toMatchObject({ code: 'invalid_input', field, mend: expect.stringContaining('finite') });
    expect(error.value).toMatch(/NaN|Infinity/);
    await expect(client.decide('p', { context: { load: Number.NaN } })).rejects.toMatchObject({
      field: 'context.load',
    });
    expect(seen).toHaveLength(0);
  });

  it('what JSON does not know is refused as such', async () => {
    const { client } = await daemon((response) => json(response, 202, {}));
    const circle: Record<string, unknown> = {};
    circle.circle = circle;
    for (const context of [{ count: 7n }, circle])
      await expect(client.decide('p', { context })).rejects.toMatchObject({ code: 'invalid_input' });
    // About as deep as can be written: to look through it takes more of the stack.
    for (let depth = 8_000; depth > 2_000; depth -= 100) {
      const outcome = await client.decide('p', { context: { deep: nested(depth) } }).catch((error) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'invalid_input' });
    }
  });
});

describe('a signal', () => {
  it('gives up every call of a client, before and while it is under way', async () => {
    const given = new AbortController();
    const { client, seen } = await daemon(() => given.abort());
    const calls = client.with({ signal: given.signal });
    const givenUp = { code: 'deadline_exceeded', message: 'The call was given up' };
    await expect(calls.decide('p')).rejects.toMatchObject(givenUp);
    await expect(calls.points.list()).rejects.toMatchObject(givenUp);
    await expect(calls.evaluate('p', {} as never)).rejects.toMatchObject(givenUp);
    expect(seen).toHaveLength(1);
    expect(() => client.with({ signal: 'now' as never })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'signal' }),
    );
  });

  it('of one call goes beside the client’s', async () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const { client } = await daemon(() => one.abort());
    await expect(
      client.with({ signal: other.signal }).evaluate('p', {} as never, one.signal),
    ).rejects.toMatchObject({ message: 'The call was given up' });
  });

  it.each(['before', 'after'])('ends events without an error, aborted %s they began', async (when) => {
    const ending = new AbortController();
    const { client } = await daemon((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: audit\ndata: {}\n\n');
    });
    if (when === 'before') ending.abort();
    for (const events of [
      client.events({ signal: ending.signal }),
      client.with({ signal: ending.signal }).events(),
    ])
      for await (const _ of events) ending.abort();
  });
});

describe('events', () => {
  it('are read however they are cut, unknown kinds and comments passed over', async () => {
    const text =
      ': alive\n\nretry: 1000\n\nevent: audit\ndata: {"node":"ü","entry":{"seq":1}}\n\nevent: gossip\ndata: {}\n\nevent: lost\ndata: {"count":2}\n\nevent: audit\ndata: {"node":"b"}\n\n';
    for (const size of [1, 7, 1000]) {
      const { client } = await daemon((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += size) response.write(bytes.subarray(at, at + size));
        response.end();
      });
      const events = [];
      for await (const event of client.events()) events.push(event);
      expect(events).toEqual([
        { kind: 'audit', node: 'ü', entry: { seq: 1 } },
        { kind: 'audit', node: 'b' },
      ]);
    }
  });

  it('reject where the daemon refuses them', async () => {
    const { client } = await daemon((response) =>
      json(response, 401, { code: 'unauthorized', detail: 'x', status: 401 }),
    );
    await expect(client.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'unauthorized',
    });
  });
});

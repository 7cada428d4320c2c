import { standard } from '@ganglion/core/presets';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { embedNode } from './embed.ts';

/** A WebSocket as a browser has it: two arguments, no headers, and of a refusal nothing but that it was one. */
class RefusedSocket {
  static readonly OPEN = 1;
  static asked: unknown[][] = [];
  readonly readyState = 3;
  onerror: () => void = () => {};
  onclose: (end: { code: number; reason: string }) => void = () => {};

  constructor(...given: unknown[]) {
    RefusedSocket.asked.push(given);
    queueMicrotask(() => {
      this.onerror();
      this.onclose({ code: 1006, reason: '' });
    });
  }

  close(): void {}
}

afterEach(() => {
  vi.unstubAllGlobals();
  RefusedSocket.asked = [];
});

/** What a node in a page of this origin is told of the first attempts. */
async function troublesAt(origin: string | undefined, token?: string): Promise<{ mend?: string }[]> {
  vi.stubGlobal('WebSocket', RefusedSocket);
  if (origin !== undefined) vi.stubGlobal('location', { origin });
  const troubles: { mend?: string }[] = [];
  const node = await embedNode({
    name: 'tab-1',
    registry: standard,
    parent: {
      url: 'https://hq.example',
      token,
      onTrouble: (each) => void troubles.push(each as { mend?: string }),
    },
  });
  await vi.waitFor(() => expect(troubles.length).toBeGreaterThanOrEqual(3), 30_000);
  await node.close();
  return troubles.slice(0, 3);
}

describe('a link that fails again and again', () => {
  it.each([
    ['https://shop.example', /lets in pages of this origin \(--allow-origin https:\/\/shop\.example\)/],
    ['https://hq.example', /keeps Host as it is, or it lets in pages/],
    ['null', /served over http/],
    [undefined, /^(?!.*origin)/],
  ])('in a page of %s says from the third time on what to look at', async (origin, mend) => {
    const [first, second, third] = await troublesAt(origin, 'a-page-of-this-test');
    expect([first.mend, second.mend]).toEqual([undefined, undefined]);
    expect(third.mend).toMatch(mend);
    expect(third.mend).toMatch(/knows the token.*its log says why/);
    expect(JSON.stringify(third)).not.toContain('a-page-of-this-test');
  });
});

it('is told of no trouble that its own end made', async () => {
  class OpeningSocket extends RefusedSocket {
    override close(): void {
      this.onerror();
    }
  }
  vi.stubGlobal('WebSocket', OpeningSocket);
  const onTrouble = vi.fn();
  const parent = { url: 'https://hq.example', onTrouble };
  const node = await embedNode({ name: 'tab-1', registry: standard, parent });
  onTrouble.mockClear();
  await node.close();
  expect(onTrouble).not.toHaveBeenCalled();
});

describe('the token of a link', () => {
  it('is offered as a name beside what is spoken, in characters that names have', async () => {
    await troublesAt(undefined, 'secret~~/+?>>');
    const [[url, protocols]] = RefusedSocket.asked;
    expect(String(url)).toBe('wss://hq.example/v1/link');
    const name = `ganglion.token.${Buffer.from('secret~~/+?>>').toString('base64url')}`;
    expect(protocols).toEqual(['ganglion.v1', name]);
  });

  it('is not there where there is none', async () => {
    await troublesAt(undefined);
    expect(RefusedSocket.asked[0][1]).toEqual([]);
  });
});

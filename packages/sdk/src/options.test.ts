import { standard } from '@ganglion/core/presets';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createClient } from './client.ts';
import { type EmbedOptions, embedNode } from './embed.ts';

const bad = (field: string, mend: RegExp) =>
  expect.objectContaining({ code: 'invalid_input', field, mend: expect.stringMatching(mend) });

afterEach(() => vi.unstubAllGlobals());

describe('an option that is none', () => {
  test('of a node: a misspelt parent would make it a root that no kill reaches', async () => {
    const options = { name: 'x', registry: standard, parnet: { url: 'http://127.0.0.1:1' } };
    await expect(embedNode(options as EmbedOptions)).rejects.toEqual(bad('parnet', /Did you mean parent\?/));
    const parent = { url: 'http://127.0.0.1:1', tokne: 'secret' };
    const linked = { name: 'x', registry: standard, parent } as EmbedOptions;
    await expect(embedNode(linked)).rejects.toEqual(bad('parent.tokne', /Did you mean token\?/));
    await expect(embedNode(undefined as never)).rejects.toEqual(bad('options', /name, tier, registry/));
  });

  test('of a client', () => {
    expect(() => createClient({ timeoutMS: 5 } as object)).toThrow(
      bad('timeoutMS', /Did you mean timeoutMs\?/),
    );
    expect(() => createClient('http://127.0.0.1:1' as unknown as object)).toThrow(
      bad('options', /url, token/),
    );
  });

  test('that is undefined is not there', async () => {
    const options = { name: 'x', registry: standard, parnet: undefined } as EmbedOptions;
    await (await embedNode(options)).close();
  });
});

test('a platform without WebSocket is told what a parent needs', async () => {
  vi.stubGlobal('WebSocket', undefined);
  const options = { name: 'x', registry: standard, parent: { url: 'http://127.0.0.1:1' } };
  await expect(embedNode(options)).rejects.toMatchObject({ code: 'unsupported', field: 'parent' });
});

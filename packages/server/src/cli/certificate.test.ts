import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createClient } from '@ganglion/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificate } from '../testing/certificate.ts';
import { checkDaemon, checkParent } from './doctor/daemon.ts';
import { run } from './run.ts';

/** A daemon behind a proxy whose certificate nobody here has signed. */
describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('a certificate that is not trusted', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer(certificate(), (_request, response) => response.end('{}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it('is named by the command, with the setting that trusts it', async () => {
    let err = '';
    const code = await run(['nodes', '--url', url], {
      out: () => {},
      err: (text) => {
        err += text;
      },
      stdin: async () => '',
      env: {},
      isTerminal: false,
      columns: 80,
      interrupted: new AbortController().signal,
    });
    expect(code).toBe(1);
    expect(err).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(err).toMatch(/mend .*NODE_EXTRA_CA_CERTS/);
    expect(err).not.toContain('ganglion up');
  });

  it('is named by doctor, of the daemon and of the parent, and its port is not called taken', async () => {
    const client = createClient({ url });
    const failed = { state: 'fails', mend: expect.stringContaining('NODE_EXTRA_CA_CERTS') };
    expect(await checkDaemon(client, true, false)).toEqual([
      expect.objectContaining({ name: 'daemon', ...failed }),
    ]);
    expect(await checkParent(client)).toEqual([expect.objectContaining({ name: 'parent', ...failed })]);
  });
});

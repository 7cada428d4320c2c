import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server on which packets can begin to vanish: nobody is told, as when a router forgets a connection. */
export interface BlackHole {
  readonly url: string;
  /** Connections that came to it so far. */
  readonly connections: () => number;
  /** From now on nothing passes on the connections that there are; new ones work. */
  swallow(): void;
  close(): Promise<void>;
}

export async function blackHole(targetUrl: string): Promise<BlackHole> {
  const port = Number(new URL(targetUrl).port);
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((near) => {
    connections++;
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on('error', () => {});
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    swallow() {
      for (const socket of open) {
        socket.unpipe();
        socket.pause();
      }
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

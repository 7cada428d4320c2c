import { connect, type Socket } from 'node:net';

export interface Connection {
  /** Resolves with the answer's status and, where it was asked for, its body. */
  call(request: Buffer, keep?: boolean): Promise<{ status: number; body: string }>;
  close(): void;
}

/** A connection that sends one request at a time and reads answers that say their length. */
export async function connection(port: number): Promise<Connection> {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  let done: (answer: { status: number; body: string }) => void = () => {};
  let left = -1;
  let status = 0;
  let keeps = false;
  let chunks: Buffer[] = [];
  socket.on('data', (chunk) => {
    let rest = chunk;
    if (left < 0) {
      const end = chunk.indexOf('\r\n\r\n');
      const head = chunk.toString('latin1', 0, end);
      status = Number(head.slice(9, 12));
      left = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      rest = chunk.subarray(end + 4);
    }
    left -= rest.length;
    if (keeps) chunks.push(rest);
    if (left > 0) return;
    left = -1;
    const body = keeps ? Buffer.concat(chunks).toString() : '';
    chunks = [];
    done({ status, body });
  });
  return {
    call(request, keep = false) {
      keeps = keep;
      return new Promise((resolve) => {
        done = resolve;
        socket.write(request);
      });
    },
    close: () => socket.destroy(),
  };
}

export function post(path: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Which answers are still due on a connection, in their order. What is written on it before them is taken for one of them. */
export interface AnswersDue {
  add(socket: Socket, response: ServerResponse): void;
  /** Whether any is. */
  on(socket: Socket): boolean;
  /**
   * Says a last word as soon as none is. Where the newest request is not all there, its body is what went wrong, and the
   * word its answer.
   */
  after(socket: Socket, say: () => void): void;
}

export function answersDue(): AnswersDue {
  const due = new WeakMap<Socket, ServerResponse[]>();
  const words = new WeakMap<Socket, () => void>();
  return {
    add(socket, response) {
      const before = due.get(socket);
      if (before === undefined) due.set(socket, [response]);
      else before.push(response);
      response.once('close', () => {
        const left = due.get(socket)!;
        const at = left.indexOf(response);
        if (at >= 0) left.splice(at, 1);
        if (left.length === 0) words.get(socket)?.();
      });
    },
    on: (socket) => (due.get(socket)?.length ?? 0) > 0,
    after(socket, say) {
      const left = due.get(socket) ?? [];
      const newest = left.at(-1);
      const broken = newest?.req.complete === false;
      if (broken) left.pop();
      if (left.length > 0) {
        words.set(socket, say);
        // Of a connection that Node has let go of, its answers hear no more that it takes on.
        if (socket.listenerCount('drain') === 0)
          socket.on('drain', () => due.get(socket)?.[0]?.emit('drain'));
      } else if (broken && newest.headersSent) socket.destroy();
      else say();
    },
  };
}

import type { Access, Caller, Principal } from '../auth.ts';
import { PROBLEM_TYPE } from '../problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the call needs; `read` where a route does not say. */
    access?: Access;
    /** Whether its body may be YAML. */
    yaml?: boolean;
    /** Whether its body is an artifact, as it is. */
    bytes?: boolean;
    /** Whether it takes lists, and with them the larger body. */
    bulk?: boolean;
    /** Whether its body may be CloudEvents. */
    events?: boolean;
  }
  interface FastifyRequest {
    principal: Principal;
  }
}

/** For the checks, a Fastify request as the fast path would see it. */
export function callerOf(request: { method: string; headers: Caller['headers']; ip: string }): Caller {
  return { method: request.method, headers: request.headers, remoteAddress: request.ip };
}

/** A 200 (or other) answer beside the problem documents that every call may answer with. */
export function answers(description: string, ref?: string | object, status = 200): Record<string, object> {
  const schema =
    typeof ref === 'string' ? { $ref: `${ref}#` } : (ref ?? { type: 'object', additionalProperties: true });
  return {
    [status]: { description, content: { 'application/json': { schema } } },
    default: {
      description: 'A problem document.',
      content: { [PROBLEM_TYPE]: { schema: { $ref: 'Problem#' } } },
    },
  };
}

/** `?node=NAME`, on calls that a particular node of this process may answer. */
export const NODE_QUERY = {
  node: {
    type: 'string',
    maxLength: 128,
    description: 'The node of this process that is asked; default: the root-most.',
  },
} as const;

/** For routes whose bodies are checked by hand: the schema is for the reader. */
export const BY_HAND = { validatorCompiler: () => () => true } as const;

import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** The page: only its own scripts and styles run, and no other page may frame it, for it has a button that kills. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

/** Serves the built console at `/`, to anybody: what it shows, it has to ask for. */
export async function servePage(app: FastifyInstance, root: string): Promise<void> {
  await app.register(async (page) => {
    page.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'open' };
    });
    await page.register(fastifyStatic, {
      root,
      index: ['index.html'],
      cacheControl: false,
      setHeaders: (reply, path) => {
        reply.headers(PAGE_HEADERS);
        // Built files carry a hash of their content in their name; the page itself does not.
        reply.header(
          'cache-control',
          /-[\w-]{8,}\.\w+$/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
        );
      },
    });
  });
}

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../../', import.meta.url);
const PACKAGES = ['core', 'sdk'] as const;

/** What an import by name leads to: the sources, as the packages themselves say. */
function importMap(): Record<string, string> {
  const map: Record<string, string> = {};
  for (const each of PACKAGES) {
    const { name, exports } = JSON.parse(
      readFileSync(new URL(`packages/${each}/package.json`, ROOT), 'utf8'),
    ) as { name: string; exports: Record<string, { source: string }> };
    for (const [path, { source }] of Object.entries(exports))
      map[name + path.slice(1)] = `/packages/${each}/${source.slice(2)}`;
  }
  return map;
}

const PAGE = (script: string): string =>
  `<!doctype html><title>A page of another origin</title>
<script type="importmap">${JSON.stringify({ imports: importMap() })}</script>
<script type="module">${script}</script>`;

/**
 * A web server of an application: a page with this module script, and the sources of the packages that run in browsers,
 * without their types. Nothing is bundled: what would need Node fails in the page.
 */
export async function servePage(
  script: string,
): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    if (path === '/') return response.setHeader('content-type', 'text/html').end(PAGE(script));
    if (!/^\/(packages\/(core|sdk)\/src|docs\/src\/examples)\/[\w/.-]+\.ts$/.test(path))
      return response.writeHead(404).end();
    const source = readFileSync(fileURLToPath(new URL(`.${path}`, ROOT)), 'utf8');
    return response.setHeader('content-type', 'text/javascript').end(stripTypeScriptTypes(source));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

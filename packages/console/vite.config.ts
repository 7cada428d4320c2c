import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `npm run dev` proxies the API to a node on its default port; the built page is served by the node itself. */
export default defineConfig({
  base: './',
  plugins: [react()],
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  server: { proxy: { '/v1': process.env.GANGLION_URL ?? 'http://127.0.0.1:7070' } },
  build: { target: 'es2022', chunkSizeWarningLimit: 500, modulePreload: { polyfill: false } },
});

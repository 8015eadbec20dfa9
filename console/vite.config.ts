// How the console is built, served while it is written, and tested.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// `npm run dev` shows the sources against a server that runs; it must be reached under the page's own origin, because
// the browser signs the host name.
const server = process.env.TIDEGATE ?? 'http://127.0.0.1:4566';

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  // The server puts a fresh one in for every page.
  html: { cspNonce: '__NONCE__' },
  build: { license: { fileName: 'licenses.md' }, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 2000 },
  server: { proxy: { '^/$': server, '^/console/api/': server } },
  test: {
    environment: 'jsdom',
    // The first test of a file waits for all of Cloudscape, on a busy machine for long.
    testTimeout: 30_000,
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    server: { deps: { inline: [/@cloudscape-design/] } },
  },
});

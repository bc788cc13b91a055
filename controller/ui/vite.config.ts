// How the pages are built: one package, one entry a program of the browser (the console; portal and reseller
// come as further entries), and every file stored beside its .br and .gz so that the server only has to choose.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import type { Plugin } from 'vite';

const COMPRESSIBLE = /\.(js|css|html|svg|json|txt)$/;

// What one file may weigh, brotli. The framework is one file that hardly ever changes and is cached for a year.
const CHUNK_MAX = 60 * 1024;
const FRAMEWORK_MAX = 120 * 1024;
const FRAMEWORK = /(^|\/)react-[^/]*\.js$/;

/** Writes .br and .gz beside each text file. In writeBundle: earlier, Vite has not put the preload lists in yet. */
function precompress(): Plugin {
  return {
    name: 'lastmile-precompress',
    apply: 'build',
    async writeBundle(options) {
      const dir = options.dir ?? 'dist';
      const names = await readdir(dir, { recursive: true });
      await Promise.all(
        names
          .filter((name) => COMPRESSIBLE.test(name))
          // The HTML carries a nonce that the server puts in for each request: it cannot be stored compressed.
          .filter((name) => !name.endsWith('.html'))
          .map(async (name) => {
            const path = join(dir, name);
            const bytes = await readFile(path);
            if (bytes.length < 512) return;
            const small = brotliCompressSync(bytes, {
              params: {
                [constants.BROTLI_PARAM_QUALITY]: 11,
                [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
              },
            });
            if (small.length > (FRAMEWORK.test(name) ? FRAMEWORK_MAX : CHUNK_MAX)) {
              this.error(`${name} has ${small.length} bytes compressed: split it, or raise its budget knowingly`);
            }
            await writeFile(`${path}.br`, small);
            await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }));
          }),
      );
    },
  };
}

export default defineConfig({
  plugins: [react(), precompress()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no data: URLs for scripts and fonts
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html' },
      // Small shared modules in a few files: each request costs a slow telephone a round trip.
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler|i18next|react-i18next|@tanstack)[\\/]/, priority: 30 },
            { name: 'shared', test: /src[\\/](shared|components|api)[\\/]|@tabler/, priority: 20 },
          ],
        },
      },
    },
    chunkSizeWarningLimit: 400,
  },
  server: {
    port: 5173,
    proxy: { '/api': process.env.LASTMILE_API ?? 'http://127.0.0.1:8099' },
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
});

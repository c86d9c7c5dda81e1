import { randomUUID } from 'node:crypto';
import node from '@astrojs/node';
import react from '@astrojs/react';
import { defineConfig, passthroughImageService } from 'astro/config';
import { contentCheck } from './src/astro-check.ts';

export default defineConfig({
  output: 'server',
  // src/middleware.ts wants pages whole; written in pieces they would cost more.
  adapter: node({ mode: 'middleware', experimentalDisableStreaming: true }),
  integrations: [contentCheck(), react()],
  // src/server.ts checks where a form comes from, with the exemptions that hooks and one-click stops need.
  security: { checkOrigin: false },
  session: false,
  prefetch: false,
  compressHTML: true,
  build: { inlineStylesheets: 'never' },
  image: { service: passthroughImageService() },
  devToolbar: { enabled: false },
  // Another build may show the same facts differently: see src/caching.ts.
  vite: { ssr: { noExternal: ['drizzle-orm'] }, define: { __BUILD__: JSON.stringify(randomUUID()) } },
});

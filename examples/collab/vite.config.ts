import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Only for `vite dev`; the built page is served by the server itself.
const server = process.env.DEVMENTOR_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  // The workspace's packages are read from source: no build has to run before this one.
  resolve: { conditions: ['@devmentor/source', 'module', 'browser', 'development|production'] },
  build: { target: 'es2022', sourcemap: false },
  server: { proxy: { '/api': server, '/ws': { target: server, ws: true } } },
});

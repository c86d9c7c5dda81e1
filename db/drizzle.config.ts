import { defineConfig } from 'drizzle-kit';

// 'sqlite' and not 'turso': the latter alters columns with statements that only libSQL understands, and a file runs on SQLite.
export default defineConfig({
  dialect: 'sqlite',
  schema: './db/schema/index.ts',
  out: './db/migrations',
});

import { defineConfig } from 'drizzle-kit';

// 'sqlite' and not 'turso': that one alters columns with statements only libSQL knows, and a file runs on SQLite.
export default defineConfig({
  dialect: 'sqlite',
  casing: 'snake_case',
  schema: './db/schema/index.ts',
  out: './db/migrations',
});

import { getTableColumns, getTableName, is } from 'drizzle-orm';
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import * as schema from '../../db/schema/index.ts';
import { NOBODY, RECORDS, shownColumns } from '../../src/people/records.ts';

/* Who adds a table decides here whether it holds anything about a person. */

const tables = (Object.values(schema) as unknown[]).filter((one) => is(one, SQLiteTable)) as SQLiteTable[];
const listed = new Set<string>(RECORDS.map(({ table }) => getTableName(table)));

test('every table is either covered by the export and the erasure, or said to hold nobody', () => {
  const undecided = tables.map(getTableName).filter((name) => !listed.has(name) && !(name in NOBODY));
  expect(undecided, 'add each to RECORDS or NOBODY in src/people/records.ts').toEqual([]);
  expect([...listed].filter((name) => name in NOBODY)).toEqual([]);
});

test('no table that is said to hold nobody has a column that could name somebody', () => {
  const naming = /person|email|address|first_?name|last_?name|words|phone|checkin_?id|complaint_?id/i;
  const suspicious = tables
    .filter((table) => getTableName(table) in NOBODY)
    // Names and addresses of people who work here, which is whom it is for.
    .filter((table) => getTableName(table) !== 'staff')
    .flatMap((table) => {
      const columns = Object.keys(getTableColumns(table)).filter((name) => naming.test(name));
      const refers = getTableConfig(table).foreignKeys.map((key) => getTableName(key.reference().foreignTable));
      return [...columns, ...refers.filter((to) => listed.has(to))].map((what) => `${getTableName(table)}: ${what}`);
    });
  expect(suspicious).toEqual([]);
});

test('what refers to something is erased before it', () => {
  const order = RECORDS.filter(({ stays }) => !stays).map(({ table }) => getTableName(table));
  const wrong = RECORDS.flatMap(({ table }) =>
    getTableConfig(table)
      .foreignKeys.map((key) => getTableName(key.reference().foreignTable))
      .filter((to) => to !== getTableName(table) && listed.has(to))
      .filter((to) => order.indexOf(getTableName(table)) > order.indexOf(to))
      .map((to) => `${getTableName(table)} refers to ${to}`),
  );
  expect(wrong).toEqual([]);
});

test('an export leaves out fingerprints of secrets and nothing else but what would tell on somebody else', () => {
  const left = RECORDS.flatMap((record) => {
    const shown = new Set(shownColumns(record));
    return Object.keys(getTableColumns(record.table))
      .filter((name) => !shown.has(name))
      .map((name) => `${getTableName(record.table)}.${name}`);
  });
  expect(left.toSorted()).toEqual([
    'codes.browser',
    'codes.hash',
    'complaints.concerns',
    'confirmations.hash',
    'devices.hash',
    'links.hash',
    'merges.emptiedId',
    'merges.keptId',
    'merges.newerId',
    'merges.olderId',
    'steps.taskHash',
    'suppressions.addressHash',
  ]);
});

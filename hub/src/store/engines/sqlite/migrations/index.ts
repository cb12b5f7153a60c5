import { rows } from './0001-rows.js';
import { chunks } from './0002-chunks.js';
import { rollups } from './0003-rollups.js';
import { identified } from './0004-identified.js';
import type { Migration } from './migration.js';

/** All steps, rising by one from 1. */
export const migrations: readonly Migration[] = [rows, chunks, rollups, identified];
export const SCHEMA_VERSION = migrations.length;

import { rows } from './0001-rows.js';
import type { Migration } from './migration.js';

/** All steps, rising by one from 1. */
export const migrations: readonly Migration[] = [rows];
export const SCHEMA_VERSION = migrations.length;

import { deadlock } from './deadlock.js';
import { idle } from './idle.js';
import { leaks } from './leaks.js';
import type { Study } from './study.js';

export const STUDIES: readonly Study[] = [leaks, deadlock, idle];

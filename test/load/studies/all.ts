import { chaos } from './chaos.js';
import { deadlock } from './deadlock.js';
import { idle } from './idle.js';
import { leaks } from './leaks.js';
import { stallStudy } from './stall.js';
import type { Study } from './study.js';

export const STUDIES: readonly Study[] = [chaos, leaks, deadlock, stallStudy, idle];

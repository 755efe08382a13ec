import { deadlock } from './deadlock.js';
import type { Study } from './study.js';

export const STUDIES: readonly Study[] = [deadlock];

import { curves } from './curves.js';
import { growth } from './growth.js';
import { memory } from './memory.js';
import { stalled } from './stalled.js';
import { start } from './start.js';
import type { Study } from './study.js';

export const STUDIES: readonly Study[] = [stalled, memory, start, growth, curves];

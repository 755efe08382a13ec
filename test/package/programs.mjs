/** The programs of consumer/, compiled: one for each door, and a Nest application in CommonJS. */
export const PROGRAMS = ['nest.js', 'engine.js', 'testing.js', 'common.cjs'];

import { describe, expect, it } from 'vitest';
import { read, tableOf } from './documents.js';

const rows = tableOf('README.md', ['`kind`', 'class', 'when']);

describe("the README's table of failures", () => {
  it('has every kind, with the class whose it is', () => {
    const classes = read('lib/errors.ts').matchAll(
      /^export class (\w+) extends TtrpcError \{\s+readonly kind = '(.+)';/gm,
    );
    const kinds = [...classes].map(([, name, kind]) => `\`${kind}\` is of \`${name}\``);
    expect(rows.map(([kind, name]) => `${kind} is of ${name}`).toSorted()).toEqual(
      kinds.toSorted(),
    );
  });

  it('says of each when it comes', () => {
    expect(rows.filter(([, , when]) => when === '')).toEqual([]);
  });
});

import type { Hero } from './gen/hero.js';
import { Side } from './gen/shared.js';

/** For `int64` as strings, enums by name, and lists and maps that are always there. */
export const loader = { longs: String, enums: String, arrays: true, objects: true };

const weapon = { name: 'axe', blueprint: Buffer.from([1, 2, 255]) };

export const plainHero: Hero = {
  id: -1,
  name: 'Ada',
  bornBefore: '9223372036854775807',
  side: Side.SIDE_DARK,
  weapon,
  friends: [],
  sides: [Side.SIDE_LIGHT, Side.SIDE_UNSPECIFIED, Side.SIDE_DARK],
  scores: { chess: 5, go: -5 },
  weapons: { 1: weapon },
  photo: Buffer.from([0, 255]),
  title: '',
  stone: weapon,
  since: new Date('2024-02-29T12:00:00.250Z'),
  traits: undefined,
  quirk: { stringValue: 'odd' },
  motto: undefined,
  tags: undefined,
};

export const hero: Hero = {
  ...plainHero,
  friends: [plainHero],
  traits: { brave: true, age: 36, name: null, likes: ['engines', { more: 1.5 }] },
};

import type { Hero } from './gen/hero.js';
import { Side } from './gen/shared.js';

const weapon = { name: 'axe', blueprint: Buffer.from([1, 2, 255]) };

export const plainHero: Hero = {
  id: -1,
  name: 'Ada',
  bornBefore: Number.MAX_SAFE_INTEGER,
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
  quirk: 'odd',
  motto: 'onward',
  tags: [1, 'two', null, { three: 3 }],
};

export const hero: Hero = {
  ...plainHero,
  friends: [plainHero],
  traits: { brave: true, age: 36, name: null, likes: ['engines', { more: 1.5 }] },
};

import { describe, expect, it } from 'vitest';
import { nearestNames, suggestNames } from '../../lib/proto/nearest-names.js';

const KNOWN = ['hero.v1.HeroService', 'hero.v2.HeroService', 'villain.VillainService', 'a.Log'];

describe('nearestNames', () => {
  it.each([
    ['HeroService', ['hero.v1.HeroService', 'hero.v2.HeroService']],
    ['v2.HeroService', ['hero.v2.HeroService', 'hero.v1.HeroService']],
    ['grpc.a.Log', ['a.Log']],
    ['hero.v1.heroservice', ['hero.v1.HeroService', 'hero.v2.HeroService']],
    ['hero.v2.HeroServise', ['hero.v2.HeroService', 'hero.v1.HeroService']],
    ['other.VilainService', ['villain.VillainService']],
    ['Payments', []],
    ['', []],
  ])('takes %j for %j', (wanted, names) => {
    expect(nearestNames(wanted, KNOWN)).toEqual(names);
  });

  it('gives the nearest first, and as many as asked', () => {
    const known = ['cart', 'car', 'care', 'cars', 'car'];
    expect(nearestNames('car', known)).toEqual(['car', 'care', 'cars']);
    expect(nearestNames('car', known, 1)).toEqual(['car']);
  });
});

describe('suggestNames', () => {
  it('asks for the nearest names', () => {
    expect(suggestNames('Logs', ['Log', 'Other'])).toBe('; did you mean Log?');
    expect(suggestNames('car', ['care', 'cars'])).toBe('; did you mean care or cars?');
  });

  it('lists what there is when nothing is near', () => {
    expect(suggestNames('x', [])).toBe('; there are none');
    expect(suggestNames('x', ['alpha', 'beta'])).toBe('; known: alpha, beta');
    const many = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'theta'];
    expect(suggestNames('x', many)).toBe('; known: alpha, beta, gamma, delta, epsilon, and 2 more');
  });
});

import { describe, expect, it } from 'vitest';
import { parseShimArguments } from '../../lib/containerd/shim-arguments.js';

const START = ['-namespace', 'default', '-address', '/run/c.sock', '-id', 'c1', 'start'];

describe('parseShimArguments', () => {
  it("reads what containerd says to a shim's start", () => {
    const publisher = ['-publish-binary', '/usr/bin/containerd'];
    expect(parseShimArguments([...publisher, '-bundle', '/b', ...START])).toEqual({
      action: 'start',
      namespace: 'default',
      id: 'c1',
      address: '/run/c.sock',
      publishBinary: '/usr/bin/containerd',
      bundle: '/b',
      socket: '',
      debug: false,
    });
  });

  it.each([
    ['-id=c1'],
    ['--id=c1'],
    ['-id', 'c1'],
    ['--id', 'c1'],
    ['-id', 'c0', '-id', 'c1'],
    ['-debug', '-id', 'c1'],
    ['-debug=true', '--id', 'c1', '--'],
  ])('takes flags as Go does: %j %j', (...flags) => {
    const shim = parseShimArguments(['-namespace=n', ...flags, 'delete']);
    expect(shim).toMatchObject({ action: 'delete', namespace: 'n', id: 'c1' });
    expect(shim.debug).toBe(flags[0].startsWith('-debug'));
  });

  it.each(['-address=', '-address=a=b', '-address=-x'])('takes the value of %s whole', (flag) => {
    expect(parseShimArguments([...START.slice(0, -1), flag, 'start']).address).toBe(flag.slice(9));
  });

  it('takes the next argument for a value, even one that looks like a flag', () => {
    const shim = parseShimArguments(['-address', '-debug', '-namespace=n', '-id=c1', 'start']);
    expect(shim).toMatchObject({ address: '-debug', debug: false });
  });

  it.each([
    [['-v'], 'version'],
    [['-info', '-namespace', 'n'], 'info'],
    [['-namespace=n', '-id=c1', '-socket=/s'], 'serve'],
    [['-namespace=n', '-id=c1', '-v=false', 'start'], 'start'],
  ])('finds in %j what to do: %s', (argv, action) => {
    expect(parseShimArguments(argv).action).toBe(action);
  });

  it.each([
    [['-frobnicate', ...START], 'unknown flag -frobnicate of a shim; allowed are -namespace, -id,'],
    [['-id'], 'the flag -id of a shim needs a value'],
    [['-debug=maybe', ...START], '-debug must be true or false, got maybe'],
    [[...START, 'again'], 'a shim can start or delete, or serve a -socket, got start again'],
    [START.slice(0, -1), 'a shim can start or delete, or serve a -socket, got neither'],
    [['-id=c1', 'start'], 'a shim needs its -namespace, got none'],
    [
      ['-namespace=n', 'start'],
      '-id must be letters and digits, joined by ".", "_" or "-", got ""',
    ],
    [['-namespace=n', '-id=../c', 'start'], 'got "../c"'],
  ])('refuses %j', (argv, reason) => {
    expect(() => parseShimArguments(argv)).toThrow(reason);
    expect(() => parseShimArguments(argv)).toThrow(TypeError);
  });
});

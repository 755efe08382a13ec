import { describe, expect, it } from 'vitest';
import { nriEventMask, type NriEvent } from '../../lib/containerd/nri-events.js';
import { nriIdentity } from '../../lib/containerd/nri-identity.js';

describe('nriIdentity', () => {
  it('is what the runtime has told the plugin that it launched', () => {
    const env = { NRI_PLUGIN_NAME: 'env', NRI_PLUGIN_IDX: '05', NRI_PLUGIN_SOCKET: '3' };
    expect(nriIdentity({ name: 'other', index: '99', env })).toEqual({
      pluginName: 'env',
      pluginIdx: '05',
      address: 'fd:3',
    });
  });

  it('is what another plugin says, and the socket that runtimes have', () => {
    expect(nriIdentity({ name: 'my.plug-in_1+', index: '10', env: {} })).toEqual({
      pluginName: 'my.plug-in_1+',
      pluginIdx: '10',
      address: 'unix:///var/run/nri/nri.sock',
    });
  });

  it.each([
    [
      { index: '10' },
      'the name of an NRI plugin must be of letters, digits and _.+-, got undefined',
    ],
    [{ name: 'a b', index: '10' }, 'got a b'],
    [{ name: 'plugin' }, 'the index of an NRI plugin must be of two digits, got undefined'],
    [{ name: 'plugin', index: '100' }, 'two digits, got 100'],
    [
      { name: 'plugin', index: '10', env: { NRI_PLUGIN_SOCKET: 'x' } },
      'NRI_PLUGIN_SOCKET must be the number of a descriptor, got x',
    ],
  ])('refuses %j', (options, message) => {
    expect(() => nriIdentity({ env: {}, ...options })).toThrow(message);
  });

  it('reads the environment of the process', () => {
    expect(() => nriIdentity()).toThrow(TypeError);
  });
});

describe('nriEventMask', () => {
  it.each<[NriEvent[], number]>([
    [['RunPodSandbox'], 0b1],
    [['CreateContainer', 'StopContainer'], 0b10_0000_1000],
    [['StopContainer', 'CreateContainer', 'StopContainer'], 0b10_0000_1000],
    [['ValidateContainerAdjustment'], 1 << 13],
  ])('has the bits of %j', (events, mask) => {
    expect(nriEventMask(...events)).toBe(mask);
  });

  it('refuses what is no event', () => {
    expect(() => nriEventMask('Create' as NriEvent)).toThrow(
      'there is no NRI event Create: there are RunPodSandbox,',
    );
  });

  it('refuses to be empty, which would mean all events', () => {
    expect(() => nriEventMask()).toThrow('an empty one means all of them');
  });
});

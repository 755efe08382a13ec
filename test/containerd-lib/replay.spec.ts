import { describe, expect, it } from 'vitest';
import { parseTranscriptFile } from '../containerd/recorder/transcript-file.js';
import { isSame, replay } from './replay.js';

const STATE = `=== somebody asks for a state
ours: OURS

client> 0000004c 00000001 01 00
    0a17 "containerd.task.v2.Task" 1205 "State" 1a030a0178 208cf4cab607 2a1f0a1a "containerd-namespace-ttrpc" 120178
  = {"id":"x"}
server> 00000009 00000001 02 00
    12070a0178184d2002
  = {"id":"x","pid":77,"status":"RUNNING"}
client> 00000024 00000003 01 00
    0a17 "containerd.task.v2.Task" 1204 "Kill" 1a030a0178
  = {"id":"x"}
server> 0000000d 00000003 02 00
    0a0b08051207 "no such"
  = 5 no such
`;

const REGISTRATION = `=== a plugin registers
ours: plugin

client 2> 00000037 00000001 01 00
    0a1c "nri.pkg.api.v1alpha1.Runtime" 120e "RegisterPlugin" 1a070a017812023130
  = {"plugin_name":"x","plugin_idx":"10"}
client 1> 00000028 00000001 01 00
    0a1b "nri.pkg.api.v1alpha1.Plugin" 1209 "Configure"
  = {}
server 1> 00000004 00000001 02 00
    12021008
  = {"events":8}
server 2> 00000000 00000001 02 00
  = {}
`;

/** What differs first when the text is said again. */
async function difference(text: string): Promise<string | undefined> {
  const [conversation] = parseTranscriptFile(text);
  if (conversation === undefined) throw new Error('no conversation');
  return (await replay(conversation)).find((outcome) => !isSame(outcome))?.what;
}

describe('replay', () => {
  it.each([
    ['our client', STATE.replace('OURS', 'client')],
    ['our server', STATE.replace('OURS', 'server')],
    ['our plugin', REGISTRATION],
  ])('finds nothing where %s does as recorded', async (_, text) => {
    expect(await difference(text)).toBeUndefined();
  });

  it.each([
    ['a request', '1a030a0178 2', '1a030a0179 2', 'what it hears'],
    ['the text for a request', '= {"id":"x"}', '= {"id":"y"}', 'what it hears'],
    ['the order of fields', '12070a0178184d2002', '12070a01782002184d', 'what we answer'],
    ['the text for an answer', '= 5 no such', '= 5 none', 'what our answer means'],
  ])('finds that %s is another for our server', async (_, old, other, found) => {
    expect(await difference(STATE.replace('OURS', 'server').replace(old, other))).toBe(found);
  });

  it.each([
    ['a stream id', '00000024 00000003', '00000024 00000005', 'what we call'],
    ['a key of metadata', 'containerd-namespace', 'Containerd-namespace', 'what we call'],
    ['the text for a request', '= {"id":"x"}', '= {"id":"y"}', 'what our call means'],
    ['a response', '184d', '184e', 'what our call gives'],
    ['a status', '08051207', '08061207', 'what our call gives'],
    ['the order of fields', '1a030a0178 208cf4cab607', '208cf4cab607 1a030a0178', undefined],
    ['a deadline', '208cf4cab607', '20ffffffff07', undefined],
  ])('knows whether it matters that %s is another for our client', async (_, old, other, found) => {
    expect(await difference(STATE.replace('OURS', 'client').replace(old, other))).toBe(found);
  });

  it('finds a frame that nobody has recorded', async () => {
    // The engine answers a service that it does not know without being told.
    const unknown = STATE.replace('OURS', 'server').replace('"containerd.task', '"containerd.tusk');
    const [, request = ''] = /^([^]*?)server>/u.exec(unknown) ?? [];
    expect(await difference(request)).toBe('nothing more is said');
  });
});

describe('parseTranscriptFile', () => {
  it.each([
    ['=== x\nours: nobody\n', 'no conversation'],
    ['=== x\nours: client\n\nthey> 00', 'nobody says: they> 00'],
    ['=== x\nours: client\n\nclient> 00\n', 'nobody says'],
    ['=== x\nours: client\n\nclient> 0000\n  = {}\n', 'not one frame'],
  ])('refuses %j', (text, message) => {
    expect(() => parseTranscriptFile(text)).toThrow(message);
  });
});

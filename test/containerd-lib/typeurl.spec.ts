import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packAny, unpackAny } from '../../lib/containerd/typeurl.js';
import { DefinitionError } from '../../lib/errors.js';
import { loadServices } from '../../lib/proto/service-definition.js';

const protos = join(import.meta.dirname, '../../sample/containerd-proto');
const catalog = loadServices({
  protoPath: [join(protos, 'events.proto'), join(protos, 'task-v2.proto')],
});

//                        container_id "c1"  pid 42
const START = Buffer.from('0a026331          102a'.replaceAll(' ', ''), 'hex');

describe('packAny', () => {
  it('writes the bare name of the type, as Go looks it up', () => {
    const any = packAny(catalog, 'containerd.events.TaskStart', { containerId: 'c1', pid: 42 });
    expect(any).toEqual({ type_url: 'containerd.events.TaskStart', value: START });
  });

  it('makes what a message of a .proto file has', () => {
    const create = catalog.method('containerd.task.v2.Task', 'Create').request;
    const options = packAny(catalog, 'containerd.events.TaskStart', { containerId: 'c1', pid: 42 });
    const any = catalog.encodeAny('containerd.task.v2.CreateTaskRequest', { id: 'x', options });
    expect(create.read(Buffer.from(any.value), 0, any.value.length)).toEqual({ id: 'x', options });
  });

  it('names the nearest types when it does not know one', () => {
    const pack = () => packAny(catalog, 'containerd.events.TaskStrat', {});
    expect(pack).toThrow(DefinitionError);
    expect(pack).toThrow(/TaskStrat.*containerd\.events\.TaskStart/);
  });
});

describe('unpackAny', () => {
  const name = 'containerd.events.TaskStart';
  const opened = { typeName: name, message: { containerId: 'c1', pid: 42 } };

  it.each([
    ['a bare name', name],
    ['a URL', `type.googleapis.com/${name}`],
    ['a path', `/${name}`],
  ])('opens a message by %s', (_, type_url) => {
    expect(unpackAny(catalog, { type_url, value: START })).toEqual(opened);
  });

  it('opens a message of generated code', () => {
    expect(unpackAny(catalog, { typeUrl: name, value: START })).toEqual(opened);
  });

  it('gives nothing of a type that it does not know', () => {
    expect(unpackAny(catalog, { type_url: 'a.B', value: START })).toBeUndefined();
  });

  it('refuses bytes that are not of the type', () => {
    expect(() => unpackAny(catalog, { type_url: name, value: Buffer.from([0x0a]) })).toThrow(Error);
  });
});

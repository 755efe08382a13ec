import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../lib/errors.js';
import { definitionsOf, fullNameOf, resolveReferences } from '../../lib/proto/reflection.js';

function parse(source: string): protobuf.Root {
  return protobuf.parse(`syntax = "proto3"; ${source}`, new protobuf.Root()).root;
}

describe('definitionsOf', () => {
  it('finds services and types at any depth, in the order of the source', () => {
    const root = parse(`
      package a.b;
      message Outer { message Inner {} enum Kind { A = 0; } Kind kind = 1; }
      service First {}
      service Second {}
      message Last {}
    `);
    const { services, types } = definitionsOf(root);
    expect(services.map(fullNameOf)).toEqual(['a.b.First', 'a.b.Second']);
    expect(types.map(fullNameOf)).toEqual(['a.b.Outer', 'a.b.Outer.Inner', 'a.b.Last']);
  });
});

describe('resolveReferences', () => {
  it('resolves every field and method', () => {
    const root = parse('message A { B b = 1; } message B {} service S { rpc Do(A) returns (B); }');
    resolveReferences(root);
    expect(root.lookupType('A').fields['b']?.resolvedType).toBe(root.lookupType('B'));
    expect(root.lookupService('S').methods['Do']?.resolvedRequestType).toBe(root.lookupType('A'));
  });

  it('names every type that is missing, where, and what may be meant', () => {
    const root = parse(`
      package pkg;
      message Hero { Power power = 1; int32 n = 2; Hero friend = 3; map<string, Villain> foes = 4; }
      message Powers {}
      service HeroService { rpc Find(HeroId) returns (Hero); rpc List(Hero) returns (Heroes); }
    `);
    expect(() => resolveReferences(root)).toThrow(
      new DefinitionError(
        'unknown type Power of field pkg.Hero.power; did you mean pkg.Powers?; ' +
          'unknown type Villain of field pkg.Hero.foes; known: pkg.Hero, pkg.Powers; ' +
          'unknown type HeroId of method pkg.HeroService.Find; known: pkg.Hero, pkg.Powers; ' +
          'unknown type Heroes of method pkg.HeroService.List; known: pkg.Hero, pkg.Powers',
      ),
    );
  });

  it('names the file', () => {
    const root = parse('message A {}');
    const field = new protobuf.Field('gone', 1, 'Gone');
    field.filename = 'a.proto';
    root.lookupType('A').add(field);
    expect(() => resolveReferences(root)).toThrow('unknown type Gone of field A.gone in a.proto;');
  });

  it('says what protobufjs says about an extension of nothing', () => {
    const root = protobuf.parse(
      'syntax = "proto2"; extend Gone { optional int32 more = 100; }',
    ).root;
    expect(() => resolveReferences(root)).toThrow(DefinitionError);
    expect(() => resolveReferences(root)).toThrow("unresolvable extensions: 'extend Gone'");
  });
});

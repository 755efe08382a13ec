import { join } from 'node:path';
import { Application, ReflectionKind } from 'typedoc';
import { describe, expect, it } from 'vitest';
import { DOORS, namesOf, ROOT } from './documents.js';

describe('the API reference', () => {
  it('has every name of every door', { timeout: 60_000 }, async () => {
    const application = await Application.bootstrap({ options: join(ROOT, 'typedoc.json') });
    const project = await application.convert();
    const modules = project?.getChildrenByKind(ReflectionKind.Module) ?? [];
    const found = modules.map(({ name, children = [] }) => ({
      name,
      names: [...new Set(children.map((child) => child.name))].toSorted(),
    }));
    const wanted = DOORS.map(({ name, file }) => ({
      name,
      names: [...new Set(namesOf(file))].toSorted(),
    }));
    expect(found).toEqual(wanted);
  });
});

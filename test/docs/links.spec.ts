import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCUMENTS, read, ROOT } from './documents.js';

interface Link {
  readonly document: string;
  readonly target: string;
}

const links: Link[] = DOCUMENTS.flatMap((document) =>
  [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({
    document,
    target,
  })),
);

const local = links.filter(({ target }) => !/^https?:/.test(target));

describe('the links of the documents', () => {
  it.each(local)('finds $target of $document', ({ document, target }) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? document : join(dirname(document), path);
    expect(existsSync(join(ROOT, file)), `${file} exists`).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor);
  });

  it('leads outside over https only', () => {
    expect(links.filter(({ target }) => target.startsWith('http:'))).toEqual([]);
  });
});

/** A document without its blocks of code and its code in lines, which hold no links. */
function prose(document: string): string {
  return read(document)
    .replaceAll(/^```[^]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');
}

/** The anchors of a document's headings, as npm and code hosts make them. */
function anchorsOf(document: string): string[] {
  return [...read(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

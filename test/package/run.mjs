// Uses the package as a stranger does: packs it, installs the tarball beside nothing but its peers,
// compiles consumers of every door with every supported TypeScript, and runs them.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pack, run } from './pack.mjs';
import { PROGRAMS } from './programs.mjs';

const here = import.meta.dirname;
const root = resolve(here, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** What each door's users have installed. */
const peers = Object.keys(manifest.peerDependencies);
const allowed = {
  '.': peers,
  './engine': ['protobufjs'],
  './containerd': ['protobufjs'],
  './testing': peers,
};
/** Files that a door loads at most: each one is a part of a millisecond until it is ready. */
const MOST_SCRIPTS = 3;
const work = mkdtempSync(join(realpathSync(tmpdir()), 'nestjs-ttrpc-'));

/** The two ends of the peer ranges; the compilers are those of the end's own lock file. */
const ENDS = [
  { name: 'newest peers', lock: 'consumer', compilers: ['5.9', '6.0', '7.0'] },
  { name: 'oldest peers', lock: 'oldest', compilers: ['6.0'] },
];

try {
  const { tarball, folder, files } = pack(work);
  checkFiles(files);
  checkDeclarations(folder);
  checkScripts(folder);
  for (const end of ENDS) tryOut(end, tarball);
  tryEngineAlone(tarball);
  console.log('package: ok');
} catch (error) {
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Nothing is packed but what users need. */
function checkFiles(files) {
  const stray = files.filter((path) => !/^(dist\/|package\.json|README\.md|LICENSE)/.test(path));
  if (stray.length > 0) throw new Error(`the tarball holds ${stray}`);
  console.log(`the tarball: ${files.length} files`);
}

/** No declaration names a package that its door's users need not have. */
function checkDeclarations(folder) {
  for (const door of Object.keys(allowed)) {
    const { size } = filesOf(door, folder, 'types');
    console.log(
      `"${door}": ${size} declaration files name only node:* and ${allowed[door].join(', ')}`,
    );
  }
}

/** A door loads few files, which need nothing that its users need not have, and keep their names. */
function checkScripts(folder) {
  for (const door of Object.keys(allowed)) {
    const files = filesOf(door, folder, 'default');
    if (files.size > MOST_SCRIPTS) {
      throw new Error(`"${door}" loads ${files.size} files; allowed are ${MOST_SCRIPTS}`);
    }
    for (const [file, text] of files) {
      const [renamed] = /\b\w+\$\d+ = class\b|\bclass \w+\$\d+/.exec(text) ?? [];
      if (renamed !== undefined) throw new Error(`${file}: a class lost its name: ${renamed}`);
    }
    console.log(`"${door}": ${files.size} scripts`);
  }
}

/**
 * What is loaded with a door, by path, as text without comments.
 *
 * @throws Error when it names a package that the door's users need not have
 */
function filesOf(door, folder, condition) {
  const ending = condition === 'types' ? '.d.ts' : '.js';
  const files = new Map();
  const visit = (file) => {
    if (files.has(file)) return;
    const text = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
    files.set(file, text);
    for (const [, , specifier] of text.matchAll(
      /(\bfrom |\bimport\(|^import )['"]([^'"]+)['"]/gm,
    )) {
      if (specifier.startsWith('.')) {
        visit(resolve(dirname(file), specifier.replace(/\.js$/, ending)));
      } else if (!specifier.startsWith('node:') && !allowed[door].includes(specifier)) {
        throw new Error(`${file} names ${specifier}, which users of "${door}" need not have`);
      }
    }
  };
  visit(join(folder, manifest.exports[door][condition]));
  return files;
}

/** Installs, compiles and runs the consumers with one end of the peer ranges. */
function tryOut({ name, lock, compilers }, tarball) {
  const folder = join(work, lock);
  cpSync(join(here, 'consumer'), folder, { recursive: true });
  cpSync(join(here, lock), folder, { recursive: true });
  run(folder, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
  run(
    folder,
    'npm',
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    tarball,
  );
  for (const absent of ['@grpc/grpc-js', '@grpc/proto-loader']) {
    if (existsSync(join(folder, 'node_modules', absent))) throw new Error(`${absent} is installed`);
  }
  for (const compiler of compilers) {
    run(folder, 'node', `node_modules/typescript-${compiler}/bin/tsc`, '-p', '.');
    for (const program of PROGRAMS) run(folder, 'node', join('dist', program));
    console.log(`${name}, TypeScript ${compiler}: compiled, and ${PROGRAMS.join(', ')} ran`);
  }
}

/** Runs the engine's program beside nothing but protobufjs. */
function tryEngineAlone(tarball) {
  const compiled = join(work, ENDS[0].lock);
  const folder = join(work, 'engine');
  const { dependencies } = JSON.parse(readFileSync(join(compiled, 'package.json'), 'utf8'));
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  for (const file of ['counter.proto', 'dist/engine.js']) {
    copyFileSync(join(compiled, file), join(folder, file));
  }
  const protobufjs = `protobufjs@${dependencies.protobufjs}`;
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  run(folder, 'npm', 'install', ...options, tarball, protobufjs);
  for (const absent of ['@nestjs', '@grpc', 'rxjs', 'reflect-metadata']) {
    if (existsSync(join(folder, 'node_modules', absent))) throw new Error(`${absent} is installed`);
  }
  run(folder, 'node', 'dist/engine.js');
  console.log('without Nest, rxjs and reflect-metadata: engine.js ran');
}

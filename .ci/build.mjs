// Makes what the package ships: declarations as tsc writes them, and of JavaScript one file for each
// of the package's doors beside what they share. The fewer files, the sooner a program has started.
//
//   node .ci/build.mjs [folder] [option of tsc]...     into dist/, or into a folder, which is emptied
//   node .ci/build.mjs --modules <folder>              only compiles: a file for each of lib/
//   node .ci/build.mjs --bundle <folder>               only bundles, what is compiled there, in its place
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const root = resolve(import.meta.dirname, '..');

/** What stands on the engine's floor or below, and is loaded by whatever door is taken. */
const CORE = /^(errors\.js$|(spec|wire|protocol|rpc|transport|proto|engine)[\\/])/;
/** Of this, only what several doors load. */
const NEST = /^nest[\\/]/;

const [first = join(root, 'dist'), ...others] = process.argv.slice(2);
if (first === '--modules') compile(resolve(others[0]), []);
else if (first === '--bundle') await bundle(resolve(others[0]), resolve(others[0]));
else await build(resolve(first), others);

async function build(folder, options) {
  const modules = mkdtempSync(join(tmpdir(), 'nestjs-ttrpc-build-'));
  try {
    compile(modules, options);
    rmSync(folder, { recursive: true, force: true });
    cpSync(modules, folder, { recursive: true, filter: (path) => !path.endsWith('.js') });
    await bundle(modules, folder);
  } finally {
    rmSync(modules, { recursive: true, force: true });
  }
}

/** Compiles each file of `lib/` into one of its own, and its declarations. */
function compile(folder, options) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', folder, ...options];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('lib does not compile');
}

/**
 * Bundles what tsc has made of `lib/`, and not its TypeScript: so decorators and fields are tsc's.
 * Packages stay imports. The folder may be that of the modules.
 */
async function bundle(modules, folder) {
  const from = realpathSync(modules);
  const of = (pattern) => (file) => pattern.test(relative(from, file));
  const bundled = await rolldown({
    cwd: from,
    input: Object.fromEntries(
      doorsIn(modules).map((path) => [path.replace(/\.js$/, ''), join(from, path)]),
    ),
    external: (name) => !name.startsWith('.') && !isAbsolute(name),
    platform: 'node',
    tsconfig: false,
    onLog: (_, { message }) => {
      throw new Error(message);
    },
  });
  await bundled.write({
    dir: folder,
    format: 'es',
    chunkFileNames: '[name].js',
    minifyInternalExports: false,
    codeSplitting: {
      groups: [
        { name: 'core', test: of(CORE) },
        { name: 'nest-client', test: of(NEST), minShareCount: 2 },
      ],
    },
  });
  await bundled.close();
}

/** The doors of package.json that were compiled. */
function doorsIn(modules) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports)
    .flatMap((door) => door.default?.replace('./dist/', '') ?? [])
    .filter((path) => existsSync(join(modules, path)));
}

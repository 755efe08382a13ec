// Uses the package as a stranger does: packs it, installs the tarball beside nothing but its peers,
// compiles consumers of every door with every supported TypeScript, and runs them.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const here = import.meta.dirname;
const root = resolve(here, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(join(realpathSync(tmpdir()), 'nestjs-ttrpc-'));

/** The two ends of the peer ranges; the compilers are those of the end's own lock file. */
const ENDS = [
  { name: 'newest peers', lock: 'consumer', compilers: ['5.9', '6.0', '7.0'] },
  { name: 'oldest peers', lock: 'oldest', compilers: ['6.0'] },
];

/** What a consumer's program is, from its sources' folder. */
const PROGRAMS = ['nest.js', 'engine.js', 'testing.js', 'common.cjs'];

try {
  checkDeclarations();
  const tarball = pack();
  for (const end of ENDS) tryOut(end, tarball);
  console.log('package: ok');
} catch (error) {
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** No declaration names a package that its door's users need not have. */
function checkDeclarations() {
  const peers = Object.keys(manifest.peerDependencies);
  const allowed = { '.': peers, './engine': ['protobufjs'], './testing': peers };
  for (const [door, packages] of Object.entries(allowed)) {
    const seen = new Set();
    const visit = (file) => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
      for (const [, , specifier] of text.matchAll(
        /(\bfrom |\bimport\(|\bimport )['"]([^'"]+)['"]/g,
      )) {
        if (specifier.startsWith('.')) {
          visit(resolve(dirname(file), specifier.replace(/\.js$/, '.d.ts')));
        } else if (!specifier.startsWith('node:') && !packages.includes(specifier)) {
          throw new Error(`${file} names ${specifier}, which users of "${door}" need not have`);
        }
      }
    };
    visit(join(root, manifest.exports[door].types));
    console.log(
      `"${door}": ${seen.size} declaration files name only node:* and ${packages.join(', ')}`,
    );
  }
}

/** Makes the tarball that a release would upload. */
function pack() {
  const out = run(root, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', work);
  const packed = JSON.parse(out);
  const [{ filename, files }] = Array.isArray(packed) ? packed : Object.values(packed);
  const stray = files.filter(
    ({ path }) => !/^(dist\/|package\.json|README\.md|LICENSE)/.test(path),
  );
  if (stray.length > 0) throw new Error(`the tarball holds ${stray.map((file) => file.path)}`);
  console.log(`${filename}: ${files.length} files`);
  return join(work, filename);
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

function run(cwd, command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 180_000,
    // Under `npm run --silent` an npm of our own would not say why it failed.
    env: { ...process.env, npm_config_loglevel: 'error' },
  });
  if (status === 0) return stdout;
  const said = [error?.message, stdout, stderr].filter(Boolean).join('\n');
  throw new Error(`${command} ${args.join(' ')} failed in ${cwd}\n${said}`);
}

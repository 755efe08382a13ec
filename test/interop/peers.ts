import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A foreign implementation of ttrpc, at one version. */
export interface Peer {
  readonly name: string;
  readonly language: 'go' | 'rust';
  readonly version: string;
  /** Go's ttrpc knows streams since 1.2. */
  readonly streams: boolean;
}

export const PEERS: readonly Peer[] = [
  ...['1.1.2', '1.2.2', '1.2.8', '1.2.9', '1.2.10'].map((version) => peer('go', version)),
  ...['0.9.0', '0.10.0'].map((version) => peer('rust', version)),
];

function peer(language: Peer['language'], version: string): Peer {
  return { name: `${language} ${version}`, language, version, streams: version !== '1.1.2' };
}

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The program to run for a peer; see `go/main.go` for its command line. */
export function programOf({ language, version }: Peer): string {
  const file = { go: `go-${version}`, rust: `rust-${version}/debug/interop-peer` }[language];
  return folder(`.build/${file}`);
}

const COMPILERS = { go: 'go', rust: 'cargo' } as const;

/** Why this machine can't build the peer; `undefined` when it can. */
export function missingFor({ language }: Peer): string | undefined {
  const compiler = COMPILERS[language];
  const { error } = spawnSync(compiler, ['version'], { stdio: 'ignore' });
  return error === undefined ? undefined : `there is no ${compiler} here`;
}

/** @throws Error with the compiler's words when it fails */
export function build(target: Peer): void {
  const { language, version } = target;
  const commands = {
    go: [
      ['build', '-buildvcs=false', `-modfile=go.v${version}.mod`],
      target.streams ? [] : ['-tags=unary'],
      ['-o', programOf(target), '.'],
    ],
    rust: [
      ['build', '--quiet', '--manifest-path', `v${version}/Cargo.toml`],
      ['--target-dir', folder(`.build/rust-${version}`)],
    ],
  };
  const { status, stderr } = spawnSync(COMPILERS[language], commands[language].flat(), {
    cwd: folder(language),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${target.name} does not build:\n${stderr}`);
}

/**
 * The floors of the house, from the ground up. A file imports from its own room and from the rooms
 * listed here, nothing else; a type-only import counts as an import. ARCHITECTURE.md has the picture.
 *
 * @typedef {{
 *   path: string,         the room's files
 *   rooms: string[],      other rooms it may import
 *   packages?: string[],  packages it may import; none if absent
 *   node?: boolean,       whether it may import node:*; no if absent
 *   sockets?: boolean,    whether that includes the modules that open sockets; no if absent
 * }} Room
 */

const PAYLOAD_SEAM = '^lib/rpc/(payload-codec|method-definition)\\.ts$';
const NEST = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/microservices',
  'rxjs',
  'reflect-metadata',
];

/** @type {Record<string, Room>} */
const HOUSE = {
  spec: { path: '^lib/spec/', rooms: [] },
  errors: { path: '^lib/errors\\.ts$', rooms: ['spec'] },
  wire: { path: '^lib/wire/', rooms: ['spec', 'errors'] },
  protocol: { path: '^lib/protocol/', rooms: ['spec', 'errors', 'wire'] },
  rpc: { path: '^lib/rpc/', rooms: ['spec', 'errors', 'wire', 'protocol'] },
  transport: {
    path: '^lib/transport/',
    rooms: ['spec', 'errors', 'wire', 'protocol'],
    node: true,
    sockets: true,
  },
  proto: {
    path: '^lib/proto/',
    rooms: ['spec', 'errors', 'seam'],
    packages: ['protobufjs'],
    node: true,
  },
  engine: {
    path: '^lib/engine/',
    rooms: ['spec', 'errors', 'wire', 'protocol', 'rpc', 'transport', 'proto'],
    node: true,
  },
  containerd: {
    path: '^lib/containerd/',
    rooms: ['spec', 'errors', 'wire', 'protocol', 'rpc', 'transport', 'proto', 'engine'],
    node: true,
  },
  nest: {
    path: '^lib/nest/',
    rooms: ['spec', 'errors', 'wire', 'protocol', 'rpc', 'transport', 'proto', 'engine'],
    packages: NEST,
    node: true,
  },
  testing: {
    path: '^lib/testing/',
    rooms: ['spec', 'errors', 'wire', 'protocol', 'rpc', 'transport', 'proto', 'engine', 'nest'],
    packages: NEST,
    node: true,
  },
  roof: {
    path: '^lib/index\\.ts$',
    rooms: ['spec', 'errors', 'wire', 'protocol', 'rpc', 'transport', 'proto', 'engine', 'nest'],
  },
};

const pathOf = (room) => (room === 'seam' ? PAYLOAD_SEAM : HOUSE[room].path);

const SOCKET_MODULES = '^(node:)?(net|tls|dgram|http|https|http2)$';
const PACKAGE = ['npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'npm-unknown'];

const error = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** The rules of one room. */
function rulesOf([name, { path, rooms, packages = [], node = false, sockets = false }]) {
  const from = { path };
  const rules = [
    error(
      `${name}: rooms`,
      `lib/${name} imports only itself and: ${rooms.join(', ') || 'nothing'}`,
      from,
      {
        path: '^lib/',
        pathNot: [path, ...rooms.map(pathOf)],
      },
    ),
    error(
      `${name}: packages`,
      `lib/${name} imports these packages only: ${packages.join(', ') || 'none'}`,
      from,
      {
        dependencyTypes: PACKAGE,
        pathNot: packages.map((name) => `/node_modules/${name}/|^node_modules/${name}/`),
      },
    ),
  ];
  if (!node) {
    rules.push(
      error(`${name}: node`, `lib/${name} imports no node:* module`, from, {
        dependencyTypes: ['core'],
      }),
    );
  } else if (!sockets) {
    rules.push(
      error(`${name}: sockets`, 'only lib/transport opens sockets', from, {
        dependencyTypes: ['core'],
        path: SOCKET_MODULES,
      }),
    );
  }
  return rules;
}

const KNOWN = Object.values(HOUSE).map((room) => room.path);

module.exports = {
  forbidden: [
    ...Object.entries(HOUSE).flatMap(rulesOf),
    error('no room', 'every file of lib belongs to a room', { path: '^lib/', pathNot: KNOWN }, {}),
    error(
      'no such room',
      'every file of lib belongs to a room',
      {},
      { path: '^lib/', pathNot: KNOWN },
    ),
    error(
      'outside',
      'lib imports nothing of the rest of the repository',
      { path: '^lib/' },
      {
        dependencyTypes: ['local', 'localmodule', 'aliased'],
        pathNot: '^lib/|(^|/)node_modules/',
      },
    ),
    error('cycle', 'no file reaches itself, not even by a type', {}, { circular: true }),
    error('unresolved', 'every import leads somewhere', {}, { couldNotResolve: true }),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    detectJSDocImports: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};

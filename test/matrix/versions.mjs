// What the matrix runs. README.md's "Compatibility" says the same; whoever changes one changes both.

/** Each is installed once; together they have the lowest and the newest supported of everything. */
export const PEERS = [
  {
    nest: { core: '11.0.0', microservices: '11.0.0' },
    protobufjs: '7.6.0',
    rxjs: '7.2.0',
    reflectMetadata: '0.1.13',
  },
  {
    nest: { core: '11.2.10', microservices: '11.2.6' },
    protobufjs: '8.6.0',
    rxjs: '7.8.2',
    reflectMetadata: '0.2.2',
  },
  {
    nest: { core: '12.0.1', microservices: '12.0.1' },
    protobufjs: '7.6.6',
    rxjs: '7.2.0',
    reflectMetadata: '0.2.2',
  },
  {
    nest: { core: '12.5.1', microservices: '12.1.1' },
    protobufjs: '8.8.1',
    rxjs: '7.8.2',
    reflectMetadata: '0.2.2',
  },
];

/** The lowest supported version of each line of Node, and the newest of all. */
export const NODES = ['20.19.0', '22.12.0', '24.0.0', '26.10.0'];

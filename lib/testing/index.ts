/**
 * For tests of applications: a transport in memory, and stubs of services.
 *
 * @module nestjs-ttrpc/testing
 */

export { createMemoryTransport, type MemoryTransport } from './memory-transport.js';
export { stubClient, type ServiceStubs, type StubHandler } from './stub-client.js';

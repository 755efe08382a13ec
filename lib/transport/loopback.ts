import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Whether only this machine can reach an IP address: 127.0.0.0/8 and ::1, not 0.0.0.0 and ::.
 *
 * @param address - IPv4 or IPv6, the latter without brackets
 */
export function isLoopback(address: string): boolean {
  const [bare = ''] = address.split('%', 1);
  return LOOPBACK.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
}

/**
 * The IP address that a host stands for.
 *
 * @throws Error of the system when the name can't be found
 */
export async function resolveHost(host: string): Promise<string> {
  const { address } = await lookup(host);
  return address;
}

/**
 * Refuses to let anybody in the network connect, unless that is asked for.
 *
 * @param address - IP address that a server is to be bound to, or was
 * @param allowed - whether it is asked for, or clients are authenticated
 * @throws Error whose message is a clause that names the alternatives
 */
export function refuseRemote(address: string, allowed: boolean): void {
  if (allowed || isLoopback(address)) return;
  throw new Error(
    `${address} can be reached from other machines, and nothing says who may connect; use a unix ` +
      'socket or a loopback address, tls with requestCert and a ca, or, if the network is guarded ' +
      'otherwise, allowAnonymousRemote',
  );
}

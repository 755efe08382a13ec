import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** A key and its certificate, in PEM. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

/**
 * Makes an authority and what it has signed, with openssl, for this run only.
 *
 * @param at - gives a path in a temporary folder
 */
export function makeCertificates(at: (name: string) => string): {
  authority: string;
  server: Pair;
  client: Pair;
  stranger: Pair;
} {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const self = (name: string): void => {
    const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
    openssl('req', '-x509', ...curve, ...files, '-subj', `/CN=${name}`, '-days', '2');
  };
  const signed = (name: string): void => {
    const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)];
    openssl('req', ...curve, ...files, '-subj', `/CN=${name}`);
    writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
    const by = ['-CA', at('authority.pem'), '-CAkey', at('authority.key'), '-CAcreateserial'];
    const out = ['-out', at(`${name}.pem`), '-days', '2', '-extfile', at('names')];
    openssl('x509', '-req', '-in', at(`${name}.csr`), ...by, ...out);
  };
  self('authority');
  self('stranger');
  signed('server');
  signed('client');
  const text = (name: string): string => readFileSync(at(name), 'utf8');
  const pair = (name: string): Pair => ({ key: text(`${name}.key`), cert: text(`${name}.pem`) });
  return {
    authority: text('authority.pem'),
    server: pair('server'),
    client: pair('client'),
    stranger: pair('stranger'),
  };
}

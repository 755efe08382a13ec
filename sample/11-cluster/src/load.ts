import { ClientTtrpc } from 'nestjs-ttrpc';
import { SEAL, type Document, type Sealed } from './seal.js';

/** A connection stays with the worker that accepted it: they take turns. */
const CONNECTIONS = 8;
const IN_FLIGHT_EACH = 4;
const WARM_UP_MS = 500;
const MEASURED_MS = 2000;

interface SealService {
  seal(document: Document): Promise<Sealed>;
}

/** Keeps the workers busy, and counts what they answer in a second. */
export async function callsPerSecond(): Promise<number> {
  const clients = Array.from({ length: CONNECTIONS }, () => new ClientTtrpc(SEAL));
  const begin = performance.now() + WARM_UP_MS;
  const end = begin + MEASURED_MS;
  let answered = 0;
  const loop = async (service: SealService): Promise<void> => {
    for (let now = 0; now < end;) {
      await service.seal({ text: 'the last will of a clerk' });
      now = performance.now();
      if (now >= begin && now < end) answered += 1;
    }
  };
  const loops = clients.flatMap((client) => {
    const service = client.getPromiseService<SealService>('SealService');
    return Array.from({ length: IN_FLIGHT_EACH }, () => loop(service));
  });
  await Promise.all(loops);
  await Promise.all(clients.map((client) => client.close()));
  return (answered * 1000) / MEASURED_MS;
}

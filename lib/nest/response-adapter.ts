import type { HttpServer } from '@nestjs/common';

/** What Express's and Fastify's responses have in common, and what each has alone. */
interface Response {
  status(code: number): Response;
  send(body?: unknown): unknown;
  readonly headersSent?: boolean;
  readonly sent?: boolean;
  end?(): void;
  readonly raw?: { end(): void };
}

/**
 * As much of Nest's HTTP adapter as its filter needs to answer, for whoever has the response alone:
 * a filter that the application made with `new` gets no adapter.
 */
export function responseAdapter(): HttpServer {
  const adapter: Pick<HttpServer<unknown, Response>, 'reply' | 'end'> & {
    isHeadersSent(response: Response): boolean;
  } = {
    isHeadersSent: ({ headersSent, sent }) => headersSent ?? sent ?? false,
    reply: (response, body, code) => response.status(code ?? 500).send(body),
    end: (response) => (response.raw ?? response).end?.(),
  };
  return adapter as unknown as HttpServer;
}

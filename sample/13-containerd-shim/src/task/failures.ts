import { isTtrpcError, StatusCode, StatusError } from 'nestjs-ttrpc/engine';

/** containerd acts on the code, and shows people the text. */
function failure(code: number): (message: string) => StatusError {
  return (message) => new StatusError({ code, message });
}

export const notFound = failure(StatusCode.NotFound);
export const alreadyExists = failure(StatusCode.AlreadyExists);
export const failedPrecondition = failure(StatusCode.FailedPrecondition);
export const unimplemented = failure(StatusCode.Unimplemented);
/** What runc and other programs of the host fail with: only the text tells. */
export const failed = failure(StatusCode.Unknown);

/** The same for an error of Node's, such as a FIFO that is not there; otherwise only the log would tell. */
export function told(error: unknown): Error {
  return isTtrpcError(error) ? error : failed((error as Error).message);
}

/** Whether `bytes[start, end)` is ASCII, which nearly all names, keys and values are. */
function isAscii(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if ((bytes[at] as number) >= 0x80) return false;
  }
  return true;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether `bytes[start, end)` is well-formed UTF-8, as protobuf demands of a string. */
export function isUtf8(bytes: Buffer, start: number, end: number): boolean {
  if (isAscii(bytes, start, end)) return true;
  try {
    strict.decode(bytes.subarray(start, end));
    return true;
  } catch {
    return false;
  }
}

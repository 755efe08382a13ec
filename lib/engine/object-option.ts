/** @throws TypeError naming the option, when its value is no object */
export function objectOf<Value extends object>(
  option: string,
  value: Value | undefined,
): Value | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return value;
  const got = value === null ? 'null' : typeof value;
  throw new TypeError(`${option} must be an object of options, got ${got}`);
}

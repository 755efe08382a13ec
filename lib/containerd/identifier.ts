/**
 * Whether a text can be a namespace's or a container's name, which becomes a part of paths.
 *
 * Source: containerd `pkg/identifiers/validate.go`, but for the bound on the length.
 */
export function isIdentifier(text: string): boolean {
  return /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/.test(text);
}

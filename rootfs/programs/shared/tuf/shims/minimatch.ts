/** `@tufjs/models` matches paths of delegated roles; a channel delegates nothing, and metadata that does is refused. */
export function minimatch(): boolean {
  return false;
}

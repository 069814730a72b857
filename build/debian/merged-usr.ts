/** Top-level folders that Debian's merged-/usr layout turns into links into /usr. */
const mergedFolders = new Set(['/bin', '/sbin', '/lib', '/lib64']);

/** Where a normalised absolute path lies once /usr is merged: `/lib/x` is `/usr/lib/x`. */
export function mergedUsrPath(path: string): string {
  const slash = path.indexOf('/', 1);
  return mergedFolders.has(slash === -1 ? path : path.slice(0, slash)) ? `/usr${path}` : path;
}

/** Whether the path is one of the links of merged-/usr itself. */
export function isMergedUsrLink(path: string): boolean {
  return mergedFolders.has(path);
}

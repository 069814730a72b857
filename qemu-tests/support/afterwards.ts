/** Files worth reading after a failure. */
type EvidenceSource = () => Promise<readonly string[]>;
type Cleanup = () => Promise<void>;

const sources = new Set<EvidenceSource>();
const cleanups = new Set<Cleanup>();

export function addEvidenceSource(source: EvidenceSource): void {
  sources.add(source);
}

/** Has all evidence written to files; the text that names them, for an error message. */
export async function collectEvidence(): Promise<string> {
  const files: string[] = [];
  for (const source of sources) files.push(...(await source().catch(() => [])));
  return files.length === 0 ? '' : `\n\nRead on in:\n${files.map((file) => `  ${file}`).join('\n')}`;
}

/** Done when the promise is over, whether it held or not; the last added comes first. */
export function addCleanup(cleanup: Cleanup): void {
  cleanups.add(cleanup);
}

export async function cleanUp(): Promise<void> {
  for (const cleanup of [...cleanups].reverse()) await cleanup();
  cleanups.clear();
  sources.clear();
}

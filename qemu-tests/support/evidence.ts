/** Files worth reading after a failure, by who can write them. */
type EvidenceSource = () => Promise<readonly string[]>;

const sources = new Set<EvidenceSource>();

export function addEvidenceSource(source: EvidenceSource): void {
  sources.add(source);
}

/** Has all evidence written to files; the text that names them, for an error message. */
export async function collectEvidence(): Promise<string> {
  const files: string[] = [];
  for (const source of sources) files.push(...(await source().catch(() => [])));
  return files.length === 0 ? '' : `\n\nRead on in:\n${files.map((file) => `  ${file}`).join('\n')}`;
}

import { type PeSection, readPeSections } from '../../contract/uki-file.ts';
import type { InitramfsFile } from './read-initramfs.ts';
import { filePart, groupParts, joinParts, joinWhole, plainPart, type SizePart } from './size-part.ts';

/** Sections that say something; https://uapi-group.org/specifications/specs/unified_kernel_image/. All others but kernel and initramfs are the stub's. */
const descriptions = new Set([
  '.cmdline',
  '.osrel',
  '.uname',
  '.sbat',
  '.pcrsig',
  '.pcrpkey',
  '.hwids',
  '.dtb',
]);

/** Of the initramfs, by what they are for; the first that fits. */
const kinds: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['modules', /^\/modules\//],
  ['libraries', /\.so(\.|$)/],
  ['programs', /\/s?bin\//],
  ['scripts and parameters', /./],
];

/** A unified kernel image by its sections, the initramfs by its files; what is left are headers, padding and signatures. */
export function measureKernelImage(uki: Buffer, initramfsFiles: readonly InitramfsFile[]): SizePart {
  const sections = findSections(uki);
  const part = ({ name, sizeBytes }: PeSection) => plainPart(name, sizeBytes);
  const others = sections.filter(({ name }) => name !== '.linux' && name !== '.initrd');
  const parts = [
    ...sections
      .filter(({ name }) => name === '.linux')
      .map(({ sizeBytes, offsetBytes }) => {
        const kernel = uki.subarray(offsetBytes, offsetBytes + sizeBytes);
        return plainPart('kernel', sizeBytes, unpackedKernelBytes(kernel));
      }),
    ...sections
      .filter(({ name }) => name === '.initrd')
      .map(({ sizeBytes }) => measureInitramfs(sizeBytes, initramfsFiles)),
    joinParts('stub', others.filter(({ name }) => !descriptions.has(name)).map(part)),
    joinParts('command line and names', others.filter(({ name }) => descriptions.has(name)).map(part)),
  ];
  return joinWhole('unified kernel image', uki.length, parts, 'headers, padding, signature');
}

/** The bytes of its initramfs. */
export function initramfsOf(uki: Buffer): Buffer {
  const section = findSections(uki).find(({ name }) => name === '.initrd');
  if (section === undefined) return Buffer.alloc(0);
  return uki.subarray(section.offsetBytes, section.offsetBytes + section.sizeBytes);
}

function findSections(uki: Buffer): readonly PeSection[] {
  const sections = readPeSections((offset, size) => uki.subarray(offset, offset + size));
  if (sections === undefined) throw new Error('the unified kernel image is no PE file');
  return sections;
}

function measureInitramfs(wholeBytes: number, files: readonly InitramfsFile[]): SizePart {
  const kindOf = ({ path }: InitramfsFile) => kinds.find(([, pattern]) => pattern.test(path))?.[0] ?? '';
  const parts = groupParts(files, kindOf, (kind, members) =>
    joinParts(
      kind,
      members.map((file) => filePart(file.path, file)),
    ),
  );
  return joinWhole('initramfs', wholeBytes, parts, 'headers of its archives');
}

/**
 * What a compressed kernel of x86 unpacks to: the four bytes at the payload's end (arch/x86/boot/compressed/mkpiggy.c of Linux), which
 * the boot protocol's header finds (https://docs.kernel.org/arch/x86/boot.html, payload_offset). Any other kernel is taken as it is.
 */
export function unpackedKernelBytes(kernel: Buffer): number {
  if (kernel.length < 0x260 || kernel.toString('latin1', 0x202, 0x206) !== 'HdrS') return kernel.length;
  const setupSectors = kernel[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + kernel.readUInt32LE(0x248);
  const end = start + kernel.readUInt32LE(0x24c);
  return end <= kernel.length && end - start > 4 ? kernel.readUInt32LE(end - 4) : kernel.length;
}

/** Names inside an update bundle (a RAUC bundle, format verity) that the builder and the machine agree on. Pure. */
export const updateBundleNames = {
  extension: '.raucb',
  /** RAUC's slot class: `[image.os]` of a bundle goes to `[slot.os.0]` or `[slot.os.1]`. */
  imageClass: 'os',
  /** A slot image (slot-layout.ts). RAUC goes by `.img`: written as it is. */
  imageFile: 'os.img',
  /** SHA-256 of each 4096 bytes of the image: a machine fetches only blocks that it has in no slot. */
  adaptiveMethod: 'block-hash-index',
  /** `[meta.update]`: handlers see RAUC_META_UPDATE_VERSION, …_SEQUENCE, …_CHANNEL. */
  metaGroup: 'update',
} as const;

/** What `compatible` says on a machine and in its bundles: a machine takes no bundle that says anything else. */
export function compatibleOf(recipeName: string, architecture: string): string {
  return `${recipeName}-${architecture}`;
}

/** The same for both peers: mkosi's is in mkosi.repart. Sizes in sectors of 512 bytes; what is not used is a hole in the image. */
export const peerDisk = {
  firstSector: 2048,
  /** 256 MiB. */
  espSectors: 256 * 2048,
  /** 3 GiB. */
  rootSectors: 3 * 1024 * 2048,
  /** As Keelson's: the serial line is the console, and only warnings are shown on it. */
  kernelArguments: 'console=tty0 console=ttyS0 loglevel=4',
} as const;

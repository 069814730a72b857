import type { Measurement } from '../measure/measurement.ts';

const base: Measurement = {
  name: 'tiny',
  job: 'system',
  isKeelson: true,
  builds: {
    coldSeconds: [1500],
    warmSeconds: [10, 11, 12],
    longestStep: { title: 'compile kernel', seconds: 1440 },
    packageCount: 60,
    diskPath: '/tiny.raw',
  },
  sizes: { imageBytes: 35e6, compressedBytes: 30e6 },
  boots: {
    first: { sshSeconds: 30 },
    later: [{ sshSeconds: 20 }, { sshSeconds: 22 }, { sshSeconds: 40 }],
    facts: {
      usedBytes: [50e6, 50e6],
      processes: ['crun', 'crun', 'finit'],
      ports: ['tcp 22'],
      setUidFiles: [],
    },
  },
};

/** Numbers that nobody measured: Keelson, a peer, and a peer that this computer cannot build. */
export const madeUpMeasurements: readonly Measurement[] = [
  {
    name: 'mmdebstrap',
    job: 'system',
    isKeelson: false,
    builds: { coldSeconds: [90], warmSeconds: [20, 22, 36], packageCount: 120, diskPath: '/peer.raw' },
    sizes: { imageBytes: 350e6, compressedBytes: 90e6 },
    boots: {
      first: { sshSeconds: 60 },
      later: [{ sshSeconds: 40 }, { sshSeconds: 44 }, { sshSeconds: 120 }],
      facts: {
        usedBytes: [100e6, 110e6],
        processes: ['<script>', 'systemd'],
        ports: ['tcp 22', 'udp 68'],
        setUidFiles: ['/usr/bin/su'],
      },
    },
  },
  base,
  { name: 'mkosi', job: 'system', isKeelson: false, obstacle: 'it needs newuidmap' },
];

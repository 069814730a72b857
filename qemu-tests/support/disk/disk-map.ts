import { partitionLabels } from '../../../build/contract/machine-layout.ts';
import { type DiskBytes, partOf, sectorBytes } from './disk-bytes.ts';
import { readFat32 } from './read-fat32.ts';
import { type GptPartition, readGpt } from './read-gpt.ts';

/** Where on a disk a byte lies, as a person would say it. */
export interface Place {
  /** `table`, the label of a partition, or `free`; `esp-names` for what holds names and chains on the ESP. */
  readonly name: string;
  /** Names, chains and tables: here a single sector counts. */
  readonly isMetadata: boolean;
}

export interface DiskMap {
  placeOf(offsetBytes: number): Place;
  readonly partitions: readonly GptPartition[];
}

/** Of a disk that is whole. */
export function mapDisk(disk: DiskBytes): DiskMap {
  const gpt = readGpt(disk).used;
  if (gpt === undefined) throw new Error('the disk has no partition table');
  const esp = gpt.partitions.find(({ name }) => name === partitionLabels.esp);
  if (esp === undefined) throw new Error('the disk has no EFI system partition');
  const sectors = new Set<number>();
  for (const extent of readFat32(partOf(disk, esp.offsetBytes, esp.sizeBytes)).metadata) {
    for (let at = 0; at < extent.sizeBytes; at += sectorBytes) {
      sectors.add((esp.offsetBytes + extent.offsetBytes + at) / sectorBytes);
    }
  }
  const usableFrom = Math.min(...gpt.partitions.map(({ offsetBytes }) => offsetBytes));
  const tableBytes = 34 * sectorBytes;
  return {
    partitions: gpt.partitions,
    placeOf(offsetBytes) {
      const found = gpt.partitions.find(
        (each) => offsetBytes >= each.offsetBytes && offsetBytes < each.offsetBytes + each.sizeBytes,
      );
      if (found?.name === partitionLabels.esp) {
        const isMetadata = sectors.has(Math.floor(offsetBytes / sectorBytes));
        return { name: isMetadata ? 'esp-names' : 'esp', isMetadata };
      }
      if (found !== undefined) return { name: found.name, isMetadata: false };
      const isTable = offsetBytes < usableFrom || offsetBytes >= disk.sizeBytes - tableBytes;
      return isTable ? { name: 'table', isMetadata: true } : { name: 'free', isMetadata: false };
    },
  };
}

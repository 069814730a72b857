import { expect, test } from '@jest/globals';
import { makeFakeDevice } from '../testing/fake-device.ts';
import { loadModules } from './load-modules.ts';

test('lists and devices first, then what their drivers bring', () => {
  const device = makeFakeDevice({
    files: {
      '/etc/modules-load.d/keelson.conf': '# containers\noverlay\n\n; old\nbr_netfilter\n',
      '/etc/modules-load.d/README': 'not a list\n',
      '/sys/bus/pci/devices/0000:00:01.0/modalias': 'pci:v00001AF4d00001004\n',
      '/sys/bus/pci/devices/0000:00:02.0/modalias': 'pci:v00001AF4d00001004\n',
      '/sys/bus/cpu/devices/cpu0/uevent': '',
      '/sys/devices/system/cpu/modalias': 'cpu:type:x86\n',
    },
    commands: [
      (command) => {
        if (command.includes('pci:v00001AF4d00001004')) {
          device.writeFile('/sys/bus/scsi/devices/0:0:0:0/modalias', 'scsi:t-0x05\n');
          device.writeFile('/sys/class/input/input2/modalias', 'input:b0019v0000-e0,1,k74,\n');
        }
        return undefined;
      },
    ],
  });
  loadModules(device);
  expect(device.commandsRun).toEqual([
    'modprobe -a -q overlay br_netfilter cpu:type:x86 pci:v00001AF4d00001004',
    'modprobe -a -q input:b0019v0000-e0,1,k74, scsi:t-0x05',
  ]);
});

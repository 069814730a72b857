import { describeWorkload, isWell, listWorkloads } from '../shared/workloads.ts';
import { type KeelctlCommand, printJson } from './command.ts';
import { readEngine } from './engine.ts';
import { makeTable } from './table.ts';

export const workloads: KeelctlCommand = {
  usage: 'workloads',
  summary: 'list the containers of users, as an update’s trial looks at them',
  audience: 'people',
  operands: [0, 0],
  run(device, { isJson }) {
    const listings = listWorkloads(device, readEngine(device));
    if (isJson) {
      printJson(device, listings);
      return 0;
    }
    for (const { engine, fault } of listings) {
      if (fault !== undefined) device.printError(`keelctl: ${engine} cannot be asked: ${fault}`);
    }
    const rows = listings.flatMap(({ engine, workloads }) =>
      workloads.map((each) => [
        engine,
        each.name,
        isWell(each) ? 'well' : describeWorkload(each).replace(`container ${each.name} is `, ''),
        each.isExempt ? 'ignored' : each.isRestarted ? 'watched' : 'not restarted',
      ]),
    );
    for (const line of makeTable(['ENGINE', 'NAME', 'STATE', 'UPDATES'], rows)) device.print(line);
    return 0;
  },
};

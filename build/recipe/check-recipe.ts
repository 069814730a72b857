import { join } from 'node:path';
import { machineLayout } from '../contract/machine-layout.ts';
import type { FaultList } from '../errors/fault-list.ts';
import { suggestName } from '../errors/nearest-name.ts';
import { checkHidden, machineMountPoints } from '../services/hidden-files.ts';
import { listFoldersWith } from '../services/load-layer.ts';
import type { LoadedService } from '../services/load-service.ts';
import { checkOwners, explicitOwners, type PathOwner, packageOwners } from '../services/path-owners.ts';
import type { Account, FileRequest, Layer } from '../services/service-definition.ts';
import type { RecipeUser } from './recipe.ts';

export interface RecipeParts {
  readonly layers: readonly Layer[];
  readonly serviceLayers: ReadonlyMap<string, Layer>;
  readonly services: readonly LoadedService[];
  readonly files: readonly FileRequest[];
  readonly users: readonly RecipeUser[];
}

/** What can be wrong between parts that are each well by themselves. */
export function checkRecipe(parts: RecipeParts, faults: FaultList): void {
  checkPorts(parts.services, faults);
  checkAccounts(parts, faults);
  checkOwners(
    [
      ...builderOwners(parts.services),
      ...parts.layers.flatMap(({ name, files }) => [
        // Two layers may take one file from a package.
        ...packageOwners(files, `the layer "${name}"`).map((each) => ({ ...each, wish: 'from a package' })),
        ...explicitOwners(files, `the layer "${name}"`),
      ]),
      ...explicitOwners(parts.files, 'the recipe'),
    ],
    faults,
  );
  checkHidden([...parts.layers.flatMap((layer) => layer.files), ...parts.files], machineMountPoints, faults);
}

/** What the builder itself puts into the root. */
function builderOwners(services: readonly LoadedService[]): PathOwner[] {
  const owner = 'the builder';
  return [
    { path: machineLayout.engineFile, owner },
    { path: machineLayout.osRelease, owner },
    { path: '/etc/os-release', owner },
    { path: machineLayout.services, owner, closedBy: 'a folder of its own' },
    ...services.map(({ definition }) => ({ path: `/etc/finit.d/${definition.name}.conf`, owner })),
  ];
}

/** Ports of services that share the machine's network. */
function checkPorts(services: readonly LoadedService[], faults: FaultList): void {
  const owners = new Map<string, string>();
  for (const { definition: service, source } of services) {
    if (service.namespaces.network !== 'machine') continue;
    for (const { port, protocol } of service.ports) {
      const name = `${port}/${protocol}`;
      const owner = owners.get(name);
      if (owner === undefined) {
        owners.set(name, service.name);
        continue;
      }
      faults.add({
        code: 'PORT_DUPLICATE',
        message:
          owner === service.name
            ? `Cannot open port ${name} twice in "${service.name}"`
            : `Cannot open port ${name} for "${service.name}": "${owner}" has it`,
        place: source.place(['ports']),
        hint: 'give one of them another port, by "values" in the recipe where the service has a value for it',
      });
    }
  }
}

/** A name has one uid and a uid has one name on the whole machine: state partitions keep numbers, not names. */
function checkAccounts(parts: RecipeParts, faults: FaultList): void {
  const byName = new Map<string, Account>([
    ['root', { name: 'root', uid: 0, gid: 0, home: '/root', shell: '' }],
  ]);
  const byUid = new Map<number, string>([[0, 'root']]);
  for (const user of parts.users) byUid.set(user.uid, user.name);
  const users = new Set(parts.users.map((user) => user.name));
  const holders = [
    ...[...parts.layers, ...parts.serviceLayers.values()].map((layer) => ({
      ...layer,
      place: { file: join(layer.folder, 'layer.yaml') },
    })),
    ...parts.services.map(({ definition, source }) => ({ ...definition, place: source.place(['accounts']) })),
  ];
  for (const { place, ...holder } of holders) {
    for (const account of holder.accounts) {
      const same = byName.get(account.name);
      const owner = byUid.get(account.uid);
      const isOther = same !== undefined && (same.uid !== account.uid || same.gid !== account.gid);
      if (isOther || users.has(account.name) || (owner !== undefined && owner !== account.name)) {
        const reason =
          isOther || users.has(account.name)
            ? `another account has that name`
            : `"${owner}" has the uid ${account.uid}`;
        faults.add({
          code: 'ACCOUNT_DUPLICATE',
          message: `Cannot make the account "${account.name}" of "${holder.name}": ${reason}`,
          place,
          hint: 'give it a name and a uid of its own',
        });
      }
      byName.set(account.name, account);
      byUid.set(account.uid, account.name);
    }
  }
}

/** Device programs are folders of `rootfs/programs/`. */
export async function checkPrograms(
  files: readonly FileRequest[],
  programsFolder: string,
  faults: FaultList,
): Promise<void> {
  const wanted = files.filter((file) => file.kind === 'program');
  if (wanted.length === 0) return;
  const names = await listFoldersWith(programsFolder, 'main.ts');
  for (const file of wanted) {
    if (names.includes(file.program)) continue;
    faults.add({
      code: 'PROGRAM_UNKNOWN',
      message: `Cannot find the device program "${file.program}"`,
      place: file.place,
      hint: suggestName(file.program, names, 'programs'),
    });
  }
}

import { join } from 'node:path';
import type { DebianArchitecture } from '../debian/package.ts';
import { archiveOfSuite } from './suite.ts';

/** A suite as apt is told of it. */
export interface AptSuite {
  readonly name: string;
  readonly codename: string;
}

/** Inside the tools tree; Debian's own keys. */
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Paths of one run of apt, all below one folder that is thrown away afterwards. */
export function aptFolders(root: string) {
  return {
    root,
    archives: join(root, 'archives'),
    configuration: join(root, 'etc'),
    configurationFile: join(root, 'apt.conf'),
    sources: join(root, 'sources.list'),
    preferences: join(root, 'preferences'),
    state: join(root, 'state'),
    lists: join(root, 'state/lists'),
    status: join(root, 'status'),
    cache: join(root, 'cache'),
    log: join(root, 'log'),
  } as const;
}

export type AptFolders = ReturnType<typeof aptFolders>;

/**
 * apt.conf(5): nothing of the computer's own apt is read or written, and an index that is unsigned, weakly
 * signed or past its Valid-Until is an error.
 */
export function aptConfiguration(folders: AptFolders, architecture: DebianArchitecture): string {
  const settings: Record<string, string> = {
    'APT::Architecture': architecture,
    'APT::Install-Recommends': 'false',
    'APT::Install-Suggests': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
    'APT::Sandbox::User': '',
    'Acquire::AllowInsecureRepositories': 'false',
    'Acquire::AllowWeakRepositories': 'false',
    'Acquire::AllowDowngradeToInsecureRepositories': 'false',
    'Acquire::Check-Valid-Until': 'true',
    'Acquire::Languages': 'none',
    'Dir::Etc': folders.configuration,
    'Dir::Etc::sourcelist': folders.sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': folders.preferences,
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State': folders.state,
    'Dir::State::status': folders.status,
    'Dir::Cache': folders.cache,
    'Dir::Log': folders.log,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  return `${lines.join('\n')}\nAPT::Architectures { "${architecture}"; };\n`;
}

/** sources.list(5): one line per suite, read from the local copy. */
export function aptSources(
  folders: AptFolders,
  architecture: DebianArchitecture,
  suites: readonly AptSuite[],
): string {
  return suites
    .map(({ name }) => {
      const uri = encodeURI(`file:${folders.archives}/${archiveOfSuite(name)}`);
      return `deb [arch=${architecture} signed-by=${keyring}] ${uri} ${name} main\n`;
    })
    .join('');
}

/**
 * apt_preferences(5). The recipe's own suites keep apt's default priorities (500, or 100 for backports). A suite
 * that only single packages ask for gets `priority`: -1 hides it from groups that do not ask for it, 100 offers it
 * only where `name/suite` asks or nothing else will do, 990 prefers it.
 */
export function aptPreferences(extraSuites: readonly AptSuite[], priority: number): string {
  return extraSuites
    .map(({ codename }) => `Package: *\nPin: release n=${codename}\nPin-Priority: ${priority}\n`)
    .join('\n');
}

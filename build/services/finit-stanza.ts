import { KeelsonError } from '../errors/keelson-error.ts';
import type { ServiceDefinition } from './service-definition.ts';

export interface FinitContext {
  /** All services of the machine, in start order. */
  readonly services: readonly ServiceDefinition[];
}

/** Set by the end of /usr/lib/keelson/start-machine: state is mounted, the machine is provisioned. */
const machineCondition = 'dev/machine-ready';

/** Sizes of finit 4.12's fields (src/svc.h), one less for the end of the string. */
const limits = { conditions: 191, description: 63 } as const;

/**
 * A service's /etc/finit.d/<name>.conf (finit 4.12, doc/config.md).
 *
 * finit stops a service whose condition goes away. A service that dies must not take others with it, so the conditions
 * here are never cleared: `dev/started/NAME`, true once NAME was ready for the first time (a one-shot: has ended well), and
 * `dev/settled/NAME`, true when NAME was ready or has been given up (a one-shot: has ended); `dev/healthy/NAME`, true once
 * its health check ended well; `dev/console-chosen/NAME`, true once it was chosen as the console. They are files in /dev that run-service, a hook of the container (`makeOciConfig`) and
 * `keelctl watch-health` or `keelctl console switch` make; finit watches that folder by itself, while `usr/…` and
 * `pid/…` would take plugins that Debian does not build.
 *
 * Runlevels 0 and 6 are among the allowed ones: there `shutdown` of /etc/finit.conf stops the services, in order.
 */
export function makeFinitStanza(service: ServiceDefinition, context: FinitContext): string {
  const conditions = makeConditions(service, context);
  if (conditions.length > limits.conditions) {
    throw new KeelsonError({
      code: 'SERVICE_CONDITIONS_TOO_LONG',
      class: 'unsupported',
      message: `Cannot make the start conditions of service ${service.name}: they are ${conditions.length} characters, finit takes ${limits.conditions}.`,
      place: service.place,
      hint: 'Name fewer services in `needs` and `after`: what those wait for is waited for too.',
    });
  }
  const words = [
    // One-shots too: finit's own `task` cannot be run again, nor tried again when it fails. run-service ends them for good.
    'service [S023456]',
    `<${conditions}>`,
    `name:${service.name}`,
    'notify:none',
    ...makeRestart(service),
    `halt:${service.stop.signal}`,
    `kill:${Math.min(Math.max(service.stop.timeoutSeconds, 1), 60)}`,
    `post:30,${cleanScript}`,
    // run-service logs by itself, see there.
    'log:null',
    ['/usr/lib/keelson/run-service', chooseMode(service), service.name, service.condition?.fileNotEmpty]
      .filter((word) => word !== undefined)
      .join(' '),
    `-- ${describe(service.description)}`,
  ];
  return `${words.join(' ')}\n`;
}

/** Ends what is left of a container; gives the services that wait for it free when it is given up. */
const cleanScript = '/usr/lib/keelson/clean-service';

/** How rootfs/layers/base/files/run-service runs the container and says that it has started. */
function chooseMode({
  namespaces,
  readiness,
  restart,
}: ServiceDefinition): 'foreground' | 'watch' | 'notify' | 'until-done' {
  // Where an exit code of 0 is the end of it. Services whose code cannot be known have no such policy (check-service.ts).
  if (restart.policy !== 'always') return 'until-done';
  if (readiness.kind === 'notify') return 'notify';
  // Other processes of the container outlive the first.
  return namespaces.pid === 'machine' ? 'watch' : 'foreground';
}

function makeConditions(service: ServiceDefinition, context: FinitContext): string {
  const names = new Set(context.services.map(({ name }) => name));
  const needs = service.needs.filter((name) => names.has(name));
  const after = service.after.filter((name) => names.has(name) && !needs.includes(name));
  return [
    machineCondition,
    ...(service.console?.start === 'chosen' ? [`dev/console-chosen/${service.name}`] : []),
    ...needs
      .toSorted()
      .map((name) => `dev/${service.needsHealthy.includes(name) ? 'healthy' : 'started'}/${name}`),
    ...after.toSorted().map((name) => `dev/settled/${name}`),
  ].join(',');
}

/**
 * finit waits two seconds between restarts and later five, or longer when the service asks for it; after `limit` of them
 * the service is `crashed`. An end with exit code 0 does not come to that where the policy says so: see run-service.
 */
function makeRestart({ restart }: ServiceDefinition): readonly string[] {
  if (restart.policy === 'never') {
    return ['restart:0', 'oncrash:script'];
  }
  return [
    `restart:${Math.min(Math.max(restart.limit, 0), 255)}`,
    `restart_sec:${Math.max(Math.ceil(restart.delaySeconds), 1)}`,
    'oncrash:script',
  ];
}

/** `initctl --json` does not escape, `#` begins a comment and `-- ` ends the command. */
function describe(description: string): string {
  return description
    .replaceAll(/["\\#\p{Cc}]/gu, '')
    .replaceAll(/-- /g, '- ')
    .slice(0, limits.description)
    .trim();
}

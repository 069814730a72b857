import { CommandFailed, type KeelctlCommand } from './command.ts';
import { findContainerPid, findService, readEngine } from './engine.ts';

/**
 * A shell in a container that has none. Its process is this session's busybox, in all namespaces of the service, that of mounts
 * too, so the service's root is what it sees. There no path leads to busybox or a C library: both are reached by open folders,
 * which a change of namespaces leaves as they are. Each applet is a shell function that goes the same way.
 *
 * $1: the service's process; $2: the dynamic linker, beside the libraries; then a command, or nothing for a terminal.
 */
const script = `
pid=$1 linker=$2
shift 2
exec 7</usr/bin 8<"\${linker%/*}"
BB="/proc/self/fd/8/\${linker##*/} --library-path /proc/self/fd/8"
setup='for applet in $($BB /proc/self/fd/7/busybox --list); do
  case $applet in
  *[!a-z0-9_]* | [0-9]* | cd | echo | exec | exit | eval | kill | printf | pwd | read | set | test | true | false | type | ulimit | umask | wait) ;;
  *) eval "$applet() { $BB --argv0 $applet /proc/self/fd/7/busybox \\"\\$@\\"; }" ;;
  esac
done
PS1="$SERVICE:\\w# "
'
export BB SERVICE HOME=/
run="/usr/bin/busybox nsenter -t $pid -m -u -i -n -p $BB /proc/self/fd/7/busybox sh"
if [ $# = 0 ]; then
  export ENV=/proc/self/fd/6
  exec 6<<END
$setup
END
  exec $run -i
fi
exec $run -c "$setup"'"$@"' sh "$@"
`;

export const shell: KeelctlCommand = {
  usage: 'shell SERVICE [COMMAND [ARGUMENT…]]',
  summary: 'a shell with busybox inside of a service’s container, for one whose root has none',
  audience: 'people',
  operands: [1, Number.POSITIVE_INFINITY],
  hasProgram: true,
  examples: ['shell time', 'shell time ls -l /etc', 'shell network netstat -tln'],
  run(device, { operands: [name = '', ...command] }) {
    findService(readEngine(device), name);
    const pid = findContainerPid(device, name);
    if (pid === undefined) {
      throw new CommandFailed(
        `Cannot open a shell in ${name}: it does not run. Start it with \`keelctl start ${name}\`, or see \`keelctl why ${name}\`.`,
      );
    }
    const linker = linkers.map((path) => device.realPath(path)).find((path) => path !== undefined);
    if (linker === undefined || device.realPath('/usr/bin/busybox') === undefined) {
      throw new CommandFailed('Cannot open a shell: this session has no busybox.');
    }
    return device.runAttached([
      '/usr/bin/busybox',
      'env',
      `SERVICE=${name}`,
      '/usr/bin/busybox',
      'sh',
      '-c',
      script,
      'shell',
      String(pid),
      linker,
      ...command,
    ]);
  },
};

/** Of the C library, by architecture. */
const linkers = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'] as const;

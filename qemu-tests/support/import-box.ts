import type { Guest } from './guest.ts';

/** On the machine: an archive of what the session has, busybox and its C library, for `command`. */
const script = (command: string) => `
set -e
mkdir -p /tmp/box/bin /tmp/box/lib64 /tmp/box/www
cd /tmp/box
cp /usr/bin/busybox bin/
for library in /usr/lib/*/libc.so.6 /usr/lib/*/libresolv.so.2; do
  mkdir -p ".\${library%/*}"
  cp -L "$library" ".$library"
done
cp -L /lib64/ld-linux-x86-64.so.2 lib64/
for applet in sh sleep httpd wget cat id; do ln -sf busybox "bin/$applet"; done
echo hello from a container >www/index.html
tar -c . | ${command}
rm -r /tmp/box
`;

/** `command` makes it an image `box`. */
export async function importBox(guest: Guest, command = 'docker import - box'): Promise<void> {
  await guest.run(script(command));
}

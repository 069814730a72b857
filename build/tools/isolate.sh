# Makes a root of the tools tree and becomes the tool. Run by the tree's own dash, in fresh namespaces, as
#   LOADER LIBRARIES TREE ROOT WORKING-FOLDER [ro|rw PATH]... -- FILE [ARGUMENT]...
# The computer's own programs are never called: LOADER starts the tree's, which need nothing else of the computer.
# The last line is an exec chain: the tool has the pid that the builder knows, and dies with the builder.
set -eu
loader=$1 libraries=$2 tree=$3 root=$4 folder=$5
shift 5
trap 'echo "isolate.sh: cannot make the root for a tool" >&2' EXIT

run() {
  program=$1
  shift
  "$loader" --library-path "$libraries" "$tree/usr/bin/$program" "$@"
}

run mount -t tmpfs -o mode=755 tools "$root"
run mkdir "$root/usr" "$root/dev" "$root/proc" "$root/tmp" "$root/run"
# Not /etc and /var: folders of this computer that lie below them must find a place.
run cp -R "$tree/etc" "$tree/var" "$root"
run mount --bind -o ro "$tree/usr" "$root/usr"
for name in bin sbin lib lib64; do run ln -s "usr/$name" "$root/$name"; done
run mount --rbind /dev "$root/dev"
run mount --rbind /proc "$root/proc"
# Folders of the computer below these find no place in the tree's own /usr.
for name in local src; do run mount -t tmpfs -o mode=755 tools "$root/usr/$name"; done
while [ "$1" != -- ]; do
  if [ -d "$2" ]; then
    run mkdir -p "$root$2"
  elif [ -e "$2" ]; then
    run mkdir -p "$root${2%/*}"
    # Below a folder that is bound already it is the computer's own file.
    [ -e "$root$2" ] || : >"$root$2"
  else
    trap - EXIT
    echo "$2 does not exist on this computer" >&2
    exit 66
  fi
  case $1 in
  ro) run mount --bind -o ro "$2" "$root$2" ;;
  rw) run mount --bind "$2" "$root$2" ;;
  esac
  shift 2
done
shift
trap - EXIT
exec "$loader" --library-path "$libraries" "$tree/usr/bin/setpriv" --pdeathsig KILL \
  "$loader" --library-path "$libraries" "$tree/usr/sbin/chroot" "$root" \
  /usr/bin/env --chdir="$folder" -- "$@"

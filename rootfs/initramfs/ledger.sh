# The ledger of unclean boots: how often the slot that the boot loader chose was started since it last proved healthy. It lies in
# the last block of the slot's own partition, which no image reaches (build/contract/boot-ledger.ts has the format); the health
# gate clears it. A slot that was good and rots is so left after three starts. Sourced by /init; whatever fails here,
# the machine starts all the same.

# That many starts without an end: then the other slot's turn comes.
patient_starts=3
longest_wait_seconds=900
ledger=''
ledger_copy=/run/ledger
kernels=/run/esp/EFI/Linux

# Counts this start. Sets own_disk, unclean (starts before this one), starts (with this one) and last_state.
count_start() {
  unclean=0 starts=1 last_state=open reason=''
  find_own_disk
  [ -n "$own_disk" ] && find_ledger && read_ledger
  write_ledger open
}

# Of several disks only that one is ours whose slot has the hash tree that this kernel was built for. One alone is, whatever
# is left of it.
find_own_disk() {
  own_disk=$disks
  case "$disks" in *' '*) ;; *) return ;; esac
  salt=$(echo "$SALT" | sed 's/../\\x&/g')
  for own_disk in $disks; do
    find_partition "$own_disk" "root-$asked_slot"
    [ -n "$partition" ] || continue
    # shellcheck disable=SC2059 # the salt is the format: hexadecimal escapes
    digest=$({ printf "$salt" && dd if="/dev/$partition" bs=4096 skip="$HASH_START_BLOCK" count=1; } 2>/dev/null | sha256sum)
    [ "${digest%% *}" != "$ROOT_HASH" ] || return
  done
  own_disk=''
}

find_ledger() {
  find_partition "$own_disk" "root-$asked_slot"
  [ -n "$partition" ] && read -r sectors < "/sys/class/block/$partition/size" || return
  ledger=/dev/$partition
  ledger_block=$((sectors / 8 - 1))
}

# Whatever is not exactly right, and what was said of another image, counts as nothing.
read_ledger() {
  dd if="$ledger" of="$ledger_copy" bs=4096 skip="$ledger_block" count=1 2>/dev/null || return
  {
    read -r line
    read -r copy
  } < "$ledger_copy"
  [ "$line" = "$copy" ] || return
  read -r magic format root_hash _ count state text << TEXT
$line
TEXT
  [ "$magic $format $root_hash" = "keelson-ledger 1 $ROOT_HASH" ] || return
  case "$count" in '' | 0?* | *[!0-9]* | ??????*) return ;; esac
  unclean=$count
  starts=$((count + 1))
  last_state=$state
  reason=$text
}

# write_ledger open|left: twice the same line, in one sector, on the disk when this is done.
write_ledger() {
  [ -n "$ledger" ] || return
  line="keelson-ledger 1 $ROOT_HASH $VERSION $starts $1 $(printf '%.120s' "$reason")"
  printf '%s\n%s\n' "$line" "$line" |
    dd of="$ledger" bs=4096 seek="$ledger_block" count=1 conv=sync,fsync,notrunc 2>/dev/null ||
    say 'the ledger of unclean boots cannot be written'
}

# After three starts that came to nothing, before the fourth: the other slot's turn, or some patience.
before_start() {
  [ "$unclean" -ge "$patient_starts" ] || return
  why="slot $asked_slot was started $unclean times and did not prove healthy"
  case "$(take_turns start)" in
    left)
      announce "$why; the other slot is next"
      restart
      ;;
    trial)
      # The boot loader itself counts these, and what the ledger counted was another life of the same image.
      starts=1
      write_ledger open
      ;;
    *) back_off "$why, and there is no better one" ;;
  esac
}

# The start has failed, and why is known.
after_failure() {
  reason=$1
  [ -n "$ledger" ] || return
  if [ "$starts" -ge "$patient_starts" ] && [ "$(take_turns failure)" = left ]; then
    announce "slot $asked_slot was started $starts times: $reason; the other slot is next"
  else
    write_ledger open
  fi
}

# What the next start does, told on standard output: `left`: the other slot starts, this one only when that fails too;
# `trial`: the boot loader is still counting; `alone`: there is no other; `turn`: both are bad, and it is this one's turn.
#
# Both bad: each gives the other one try (+1-0), which the boot loader makes +0-1. After a hang it takes the newer one, for want of
# a better; whether that one had its turn at its last start is in its ledger. Renamed as build/contract/boot-plan.ts does it:
# nothing is deleted, nothing replaced.
take_turns() {
  if ! open_esp; then
    echo alone
    return
  fi
  read_entry "$other_slot"
  other_entry=$entry other_left=$left
  read_entry "$asked_slot"
  if [ -z "$other_entry" ]; then
    echo alone
  elif [ -n "$left" ] && [ "$left" -gt 0 ]; then
    echo trial
  elif [ "$1" = start ] && [ "$other_left$left" = 00 ] && { [ "$last_state" != open ] || [ "$tried" = 1 ]; }; then
    echo turn
  elif demote "$asked_slot" && { [ "$other_left" != 0 ] || rename "$other_entry" "$other_slot+1-0.efi"; }; then
    write_ledger left
    echo left
  else
    echo alone
  fi
  close_esp
}

# Sets entry, left and tried of the name that the boot loader would take first of this slot's; left is empty when its boots are
# not counted. Only what looks like a program counts.
read_entry() {
  entry='' left='' tried=0
  for path in "$kernels"/*; do
    name=${path##*/}
    parse_name "$1" "$name" && is_program "$path" || continue
    if [ -z "$entry" ] || [ "$left" = 0 ]; then
      entry=$name left=$name_left tried=$name_tried
    fi
  done
}

# parse_name SLOT NAME: sets name_left and name_tried, as parseBootName of build/contract/boot-entries.ts.
parse_name() {
  lower=$2 name_left='' name_tried=0
  case "$2" in *[A-Z]*) lower=$(echo "$2" | tr A-Z a-z) ;; esac
  case "$lower" in
    "$1.efi") return 0 ;;
    "$1+"*.efi) ;;
    *) return 1 ;;
  esac
  counts=${lower#"$1+"}
  counts=${counts%.efi}
  name_left=${counts%%-*}
  [ "$counts" = "$name_left" ] || name_tried=${counts#*-}
  is_number "$name_left" && is_number "$name_tried"
}

is_number() {
  case "$1" in '' | 0?* | *[!0-9]* | ??????*) return 1 ;; esac
}

is_program() { [ "$(dd if="$1" bs=2 count=1 2>/dev/null)" = MZ ]; }

# Behind all that has tries left. Further names of the slot go where the boot loader does not look.
demote() {
  has_zero=''
  for path in "$kernels"/*; do
    parse_name "$1" "${path##*/}" && [ "$name_left" = 0 ] && has_zero=yes
  done
  for path in "$kernels"/*; do
    parse_name "$1" "${path##*/}" && [ "$name_left" != 0 ] || continue
    if [ -z "$has_zero" ]; then
      rename "${path##*/}" "$1+0-$name_tried.efi" || return
      has_zero=yes
    else
      retire "$1" "${path##*/}" || return
    fi
  done
}

retire() {
  for number in 0 1 2 3 4 5 6 7 8 9; do
    [ -e "$kernels/$1-$number.old" ] || break
  done
  rename "$2" "$1-$number.old"
}

# On the disk before anything else happens; of FAT only fsync(2) empties the disk's own cache too.
rename() {
  [ ! -e "$kernels/$2" ] && mv "$kernels/$1" "$kernels/$2" && sync -f "$kernels" && sync "$kernels"
}

open_esp() {
  find_partition "$own_disk" esp
  [ -n "$partition" ] || return
  insert_on_demand nls_ascii nls_cp437 fat vfat
  mkdir -p /run/esp
  mount -t vfat -o dirsync,umask=077,nodev,nosuid,noexec,noatime,errors=continue "/dev/$partition" /run/esp
}

close_esp() { umount /run/esp; }

# 10, 20, 40 … seconds, at most 15 minutes: whoever looks at the console can have it at once.
back_off() {
  doublings=$((unclean - patient_starts))
  [ "$doublings" -le 7 ] || doublings=7
  seconds=$((10 << doublings))
  [ "$seconds" -le "$longest_wait_seconds" ] || seconds=$longest_wait_seconds
  announce "$1. Waiting $seconds seconds before the next try; Enter ends the wait."
  pause "$seconds"
}

# Until the time is over or somebody presses Enter. A console that cannot be read does not cut it short.
pause() {
  until_seconds=$(($(uptime_seconds) + $1))
  while rest=$((until_seconds - $(uptime_seconds))) && [ "$rest" -gt 0 ]; do
    feed_watchdog
    [ "$rest" -le 10 ] || rest=10
    read_since=$(uptime_seconds)
    read -r -t "$rest" _ < /dev/console && return
    [ "$(uptime_seconds)" -gt "$read_since" ] || sleep 1
  done
}

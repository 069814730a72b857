# The hardware watchdog of the machine, or the kernel's own (softdog): started as early as its driver is there and not fed
# by anybody until init's service does it. So a start that hangs on the way ends in a reset. Sourced by /init.

# Firmware, disks and a busy computer take their time; the service says a shorter one later.
watchdog_seconds=120
is_watched=''

# Each driver has another name for the timeout. `nowayout`: once started it cannot be stopped, only fed; not by a process
# that is ended when the machine shuts down either.
watchdog_options() {
  case "$1" in
    i6300esb.ko) echo "heartbeat=$watchdog_seconds nowayout=1" ;;
    wdat_wdt.ko | sbsa_gwdt.ko) echo "timeout=$watchdog_seconds nowayout=1" ;;
    softdog.ko) echo "soft_margin=$watchdog_seconds nowayout=1" ;;
  esac
}

# Opening starts it.
arm_watchdog() {
  [ -c /dev/watchdog0 ] || insert_on_demand watchdog softdog
  # Without `command` a failure would end the shell.
  [ -c /dev/watchdog0 ] && command exec 3> /dev/watchdog0 && is_watched=yes
}

feed_watchdog() { [ -z "$is_watched" ] || echo >&3; }

# Closed it ticks on, which the kernel calls critical: not on the console.
hand_over_watchdog() {
  [ -n "$is_watched" ] || return
  read -r level rest < /proc/sys/kernel/printk
  echo 2 > /proc/sys/kernel/printk
  exec 3>&-
  echo "$level" > /proc/sys/kernel/printk
}

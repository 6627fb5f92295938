# Ends processes when the process at the other end of stdin dies in any way, including SIGKILL. The
# kernel then closes the pipe.
# Argument: seconds that the processes get to end by themselves.
# Input lines: `add PID SIGNAL`, `drop PID`, `done`. A process is signalled only if its start time
# is the one at `add`. Processes lead their own groups, so the last signal reaches their children.
birth() {
  if [ -d /proc/self ]; then
    line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    set -- ${line##*) }
    [ "$1" = Z ] || echo "${20}"
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -c 'A-Za-z0-9\n' '_'
  fi
}

each() {
  alive=0
  for entry in $watched; do
    pid=${entry%%:*}
    rest=${entry#*:}
    born=${rest%:*}
    [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ] || continue
    alive=1
    case $1 in
      ask) kill -s "${rest##*:}" "$pid" ;;
      force) kill -s KILL -- "-$pid" || kill -s KILL "$pid" ;;
    esac
  done
}

trap '' INT TERM HUP
exec 2>/dev/null
watched=
while read -r verb pid signal; do
  case $verb in
    add) watched="$pid:$(birth "$pid"):$signal $watched" ;;
    drop)
      kept=
      for entry in $watched; do [ "${entry%%:*}" = "$pid" ] || kept="$kept $entry"; done
      watched=$kept
      ;;
    done) exit 0 ;;
  esac
done

each ask
tenths=0
while each look; [ $alive = 1 ] && [ $tenths -lt $((${1:-8} * 10)) ]; do
  sleep 0.1
  tenths=$((tenths + 1))
done
each force

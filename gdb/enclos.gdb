# For the host's gdb, attached to a host process of Enclos, the first one or another:
#
#     gdb -x gdb/enclos.gdb target/x86_64-unknown-linux-gnu/image-build/x86_64-unknown-linux-gnu/image/image -p HOSTPID
#     (gdb) add-symbol-file /usr/lib/x86_64-linux-gnu/libc.so.6 -o 0x7d73fbb5c000
#     (gdb) program-backtrace
#
# The address is where the file's first mapping starts, by the program's /proc/PID/maps within Enclos or by the host's of
# the host process. A thread that runs in the program is seen as everywhere. One that is in a system call is in the
# LibOS, on a stack of its own: `backtrace` shows what that does, `program-backtrace` where the program made the call.

define program-backtrace
  set language c
  set $enclos_rsp = $rsp
  set $enclos_rbp = $rbp
  set $enclos_rip = $rip
  # Of the thread's block (`frame::thread::ThreadBlock`): its context's registers.
  set $rsp = *(unsigned long *)($gs_base + 0x78)
  set $rbp = *(unsigned long *)($gs_base + 0x70)
  set $rip = *(unsigned long *)($gs_base + 0xc0)
  backtrace
  set $rsp = $enclos_rsp
  set $rbp = $enclos_rbp
  set $rip = $enclos_rip
  set language auto
end

document program-backtrace
Shows where the program stands whose system call the selected thread is in.
end

//! The order in which locks are taken, outermost first: the one list of it, which builds with debug assertions compare with
//! what threads do (`frame::sync::order`).
//!
//! A lock is known by the type of what it protects. Those that are never held together with another one aren't here.

use frame::sync::LockClass;

/// The order.
pub(crate) static LOCK_ORDER: &[LockClass] = &[
    // Waiting for others.
    ("alloc::collections::vec_deque::VecDeque<kernel::ipc::futex_queue::Entry>", "the waiters of some futexes"),
    ("kernel::time::timers::Timers", "a process's timers"),
    ("kernel::process::group::Joining", "whether processes join those that are signalled together"),
    ("kernel::process::job::Telling", "who tells a parent of stops"),
    // IPC.
    (
        "alloc::collections::btree::map::BTreeMap<alloc::vec::Vec<u8>, alloc::sync::Arc<kernel::ipc::mqueue::queue::Queue>>",
        "message queues by name",
    ),
    ("alloc::collections::btree::map::BTreeMap<u32, u64>", "what users have in message queues"),
    // Changes of directories, and files that are read at a position.
    ("kernel::fs::dentry::Renames", "renames between directories"),
    ("kernel::fs::dentry::Changes", "changes of a directory"),
    ("kernel::fs::inode_file::Position", "an open file's position"),
    ("core::option::Option<alloc::vec::Vec<u8>>", "a file of /proc that is being read"),
    ("[[u8; 65]; 6]", "the names that uname tells"),
    // System V IPC, which a file of /proc tells of too.
    ("kernel::ipc::sysv::ids::Inner<kernel::ipc::sysv::shm::Segment>", "shared memory segments"),
    ("kernel::ipc::sysv::ids::Inner<kernel::ipc::sysv::sem::Set>", "semaphore sets"),
    ("kernel::ipc::sysv::ids::Inner<kernel::ipc::sysv::msg::Queue>", "System V message queues"),
    ("(kernel::ipc::sysv::ids::Perm, i64)", "whose a System V object is"),
    ("kernel::ipc::sysv::shm::Times", "when a shared memory segment was used"),
    ("kernel::ipc::sysv::sem::State", "a semaphore set"),
    ("kernel::ipc::sysv::msg::State", "a System V message queue"),
    (
        "alloc::collections::btree::map::BTreeMap<(u32, i32), alloc::collections::btree::map::BTreeMap<u16, i32>>",
        "what is undone at processes' ends",
    ),
    // Open files.
    ("alloc::sync::Arc<kernel::fs::file_table::FileTable>", "which file table a thread has"),
    ("alloc::vec::Vec<core::option::Option<kernel::fs::file_table::Entry>>", "a file table"),
    ("kernel::fs::pipe::Opens", "who has a FIFO open"),
    // Watches of files.
    ("kernel::fs::inotify::instance::Watches", "what an inotify file watches"),
    (
        "alloc::collections::btree::map::BTreeMap<usize, alloc::vec::Vec<alloc::sync::Weak<kernel::fs::inotify::instance::Instance>>>",
        "who watches which inodes",
    ),
    // Unix sockets.
    ("kernel::net::unix::connection::Transition", "who makes a socket a listener or an endpoint"),
    ("kernel::net::unix::name::Name", "a socket's name"),
    (
        "alloc::collections::btree::map::BTreeMap<u64, alloc::sync::Weak<dyn kernel::net::unix::AnySocket>>",
        "all Unix sockets",
    ),
    // Channels, epoll files.
    ("kernel::events::channel::AtWork", "the turn at an end of a channel"),
    ("kernel::net::unix::in_flight::Table", "files in messages under way"),
    (
        "alloc::collections::vec_deque::VecDeque<alloc::sync::Arc<kernel::net::unix::connection::ConnectionSocket>>",
        "connections to be accepted",
    ),
    ("alloc::collections::vec_deque::VecDeque<kernel::net::unix::packet::Packet>", "packets of a socket"),
    ("alloc::collections::vec_deque::VecDeque<kernel::events::bytes::Chunk>", "a channel's items"),
    ("alloc::vec::Vec<kernel::events::bytes::Chunk>", "a channel's spare items"),
    ("core::option::Option<kernel::net::unix::in_flight::Rights>", "what travels with a message"),
    ("core::option::Option<alloc::sync::Arc<kernel::net::loopback::urgent::Mark>>", "an urgent byte of the loopback"),
    ("kernel::events::epoll::nesting::Shape", "which epoll files are in which"),
    (
        "alloc::collections::vec_deque::VecDeque<alloc::sync::Arc<kernel::events::epoll::item::Item>>",
        "the items that an epoll looks at",
    ),
    (
        "alloc::vec::Vec<alloc::sync::Weak<kernel::events::epoll::file::EpollFile>>",
        "the epoll files that an epoll is in",
    ),
    ("kernel::events::epoll::file::Items", "an epoll's items"),
    ("kernel::events::epoll::host::Slots", "an epoll's items that the host watches"),
    ("kernel::events::epoll::file::Ready", "an epoll's ready items"),
    ("core::option::Option<frame::ocall::file::HostFd>", "a descriptor of such an item's own"),
    ("kernel::time::timerfd::State", "a timerfd"),
    ("alloc::collections::vec_deque::VecDeque<kernel::fs::inotify::events::Event>", "what an inotify file has to tell"),
    (
        "core::option::Option<alloc::sync::Weak<kernel::net::unix::datagram::DatagramSocket>>",
        "a datagram socket's peer",
    ),
    ("kernel::net::loopback::stream::Inner", "a stream socket of the loopback inside"),
    ("kernel::net::loopback::datagram::Inner", "a datagram socket of the loopback inside"),
    ("kernel::ipc::mqueue::queue::State", "a POSIX message queue"),
    (
        "alloc::collections::btree::map::BTreeMap<u32, (alloc::sync::Arc<kernel::tty::pty::Pty>, alloc::sync::Arc<kernel::process::terminal::Terminal>)>",
        "the pseudoterminals",
    ),
    ("kernel::tty::state::State", "a pseudoterminal"),
    ("kernel::events::signal_io::Settings", "whom a file signals"),
    ("alloc::vec::Vec<kernel::events::notifier::Registration>", "a notifier's observers"),
    // Names and files.
    ("core::option::Option<alloc::sync::Arc<kernel::fs::memory::inode::MemInode>>", "the copy of a host file"),
    (
        "alloc::collections::btree::map::BTreeMap<alloc::boxed::Box<[u8]>, kernel::fs::memory::directory::Entry>",
        "a directory in memory",
    ),
    ("kernel::fs::dentry::Place", "a dentry's name and parent"),
    (
        "alloc::collections::vec_deque::VecDeque<alloc::sync::Arc<kernel::fs::dentry::Dentry>>",
        "the dentries that were used last",
    ),
    ("alloc::sync::Arc<kernel::fs::host::inode::Place>", "where a host file is"),
    ("frame::ocall::file::HostStat", "what a host file was like"),
    ("core::option::Option<alloc::sync::Arc<frame::ocall::file::HostFd>>", "a host directory's descriptor"),
    (
        "alloc::collections::vec_deque::VecDeque<alloc::sync::Weak<kernel::fs::host::inode::HostInode>>",
        "the host directories that are open",
    ),
    ("alloc::sync::Arc<kernel::fs::view::FsView>", "which file system view a thread has"),
    ("alloc::vec::Vec<kernel::fs::mount::Mount>", "the mounts"),
    (
        "hashbrown::map::HashMap<alloc::boxed::Box<[u8]>, alloc::sync::Weak<kernel::fs::dentry::Dentry>>",
        "a dentry's children",
    ),
    ("kernel::fs::locks::Locks", "locks on files"),
    ("core::option::Option<kernel::fs::memory::attributes::Attributes>", "attributes of a file in memory"),
    // Processes and threads.
    ("alloc::sync::Arc<kernel::process::process::Program>", "a process's program"),
    ("kernel::process::io_counters::Transfers", "what ended threads have transferred"),
    ("kernel::process::table::Table", "the process table"),
    (
        "alloc::sync::Arc<frame::sync::mutex::Mutex<kernel::signal::disposition::Dispositions>>",
        "which dispositions a process has",
    ),
    ("core::option::Option<alloc::sync::Arc<kernel::process::terminal::Terminal>>", "a process's terminal"),
    ("core::option::Option<kernel::process::exit::TermStatus>", "how a process ended"),
    ("kernel::process::job::State", "whether a process is stopped"),
    ("kernel::process::usage::UsageTotals", "what a process has used"),
    ("kernel::signal::disposition::Dispositions", "dispositions of signals"),
    ("kernel::signal::queue::SignalQueue", "signals of a process"),
    ("kernel::time::service::Queue", "what the timers' thread waits for"),
    (
        "alloc::collections::btree::map::BTreeMap<u32, alloc::sync::Arc<kernel::process::thread::Thread>>",
        "a process's threads",
    ),
    ("alloc::sync::Arc<kernel::process::ids::Id>", "a thread's id"),
    ("alloc::vec::Vec<u8>", "a thread's name"),
    ("kernel::signal::state::ThreadSignals", "signals of a thread"),
    ("kernel::process::process::Last", "who a process was last"),
    ("kernel::process::settings::Settings", "what a thread has set for itself"),
    ("alloc::sync::Arc<kernel::process::credentials::Credentials>", "who a thread acts as"),
    ("kernel::process::limits::Limits", "a process's limits"),
    ("kernel::process::ids::Ids", "the ids in use"),
    // Memory.
    ("kernel::mm::usage::MemoryUse", "which memory a process has"),
    ("alloc::vec::Vec<kernel::mm::keeper::Keeper>", "the keepers of memories"),
    ("alloc::collections::vec_deque::VecDeque<alloc::sync::Arc<kernel::mm::memory::Memory>>", "memories to be kept"),
    ("kernel::mm::memory::Inner", "a memory"),
    ("alloc::vec::Vec<kernel::mm::file_end::FileEnd>", "files that were shortened beneath a memory"),
    ("kernel::fs::memory::data::Data", "the contents of a file in memory"),
    ("alloc::vec::Vec<alloc::sync::Arc<frame::arena::Pages>>", "the pages of it that are mapped"),
    ("frame::patcher::Patching", "who patches a memory"),
    ("frame::patcher::Inner", "the patched sites"),
    ("alloc::collections::btree::map::BTreeMap<u64, frame::patcher::CopySite>", "sites that trapped in copies"),
    ("kernel::mm::space::Windows", "the windows of an address space"),
    // Host threads.
    ("alloc::vec::Vec<frame::thread::lend::Lender>", "who has lent a host thread"),
    ("frame::schedule::Schedule", "how a host thread is scheduled"),
    ("core::option::Option<frame::thread::handle::Handle>", "which host thread a thread has"),
    ("alloc::vec::Vec<(u32, alloc::sync::Arc<frame::host_process::HostProcess>)>", "the host processes"),
    ("frame::arena::PagePool", "the page pool"),
    ("frame::thread::pool::Pool", "host threads without work"),
    ("alloc::collections::vec_deque::VecDeque<alloc::sync::Arc<frame::sync::waiter::Waiter>>", "who waits in a queue"),
];

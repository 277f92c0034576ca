//! From the launcher's configuration to the first process, and its end.

use crate::prelude::*;
use crate::process;
use crate::{fs, logging, observe, system};
use config::{Caller, Config};
use frame::boot::{self, FirstTask, Handover, Kernel};
use frame::ocall::process as host;
use frame::sync::Once;

static CONFIG: Once<Config> = Once::new();

/// Exit statuses of `enclos run` for a program that can't be started, as a shell has them.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// The image's main function.
pub fn main(handover: Handover) -> ! {
    let config = match handover {
        Handover::Config(bytes) => {
            Config::decode(bytes).unwrap_or_else(|_| boot::die("the launcher's configuration can't be read"))
        }
        Handover::Plain { args, env } => plain_config(args, env),
    };
    CONFIG.call_once(|| config);
    #[cfg(debug_assertions)]
    frame::sync::declare_order(crate::lock_order::LOCK_ORDER);
    boot::run(Kernel { host_signal: process::outside::on_host_signal }, start)
}

/// The configuration for `enclos run PROGRAM ARGS…`, which the command line didn't even look at.
fn plain_config(args: Vec<Vec<u8>>, env: Vec<Vec<u8>>) -> Config {
    const COMMAND_AT: usize = 2;
    let Some(workdir) = host::working_directory() else {
        boot::die("the working directory isn't known; give another one with --workdir");
    };
    let Ok(groups) = host::groups() else {
        boot::die("can't read your groups; give a user and group with --user UID:GID");
    };
    let (uid, gid) = host::user_and_group();
    Config::plain(args.into_iter().skip(COMMAND_AT).collect(), Caller { env, workdir, uid, gid, groups })
}

/// What `enclos run` was asked for; present from boot on.
pub fn config() -> Option<&'static Config> {
    CONFIG.get()
}

fn start() -> Result<FirstTask> {
    let config = CONFIG.get().ok_or(Errno::EINVAL)?;
    logging::init(&config.log);
    observe::init(config);
    system::init(config);
    crate::mm::init(config);
    let (fs_view, files) = fs::boot(config)?;
    process::first::create(config, fs_view, files).or_else(|error| refuse(config, error))
}

/// Ends with the status that a shell would give for a program that can't be started.
fn refuse(config: &Config, error: Error) -> ! {
    let status = match error.errno() {
        Errno::ENOENT => NOT_FOUND,
        Errno::ENOMEM => boot::FAILURE_STATUS,
        _ => NOT_EXECUTABLE,
    };
    boot::say(format_args!("enclos: {}: {}\n", config.program.escape_ascii(), error.reason()));
    shut_down(status)
}

/// Ends the LibOS with this exit status.
pub fn shut_down(status: i32) -> ! {
    observe::finish();
    frame::ocall::process::exit(status)
}

/// Finds the program as a shell does: by its path if it has a slash, else in the guest's `PATH`.
pub(crate) fn find_program(
    config: &Config,
    find: impl Fn(&[u8]) -> Result<fs::ExecutableFile>,
) -> Result<(Vec<u8>, fs::ExecutableFile)> {
    const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let program = &config.program;
    if program.contains(&b'/') {
        return Ok((program.clone(), find(program)?));
    }
    let path = config.env.iter().find_map(|entry| entry.strip_prefix(b"PATH=")).unwrap_or(DEFAULT_PATH);
    let mut refused = err!(ENOENT, "command not found");
    for dir in path.split(|&byte| byte == b':') {
        let dir = if dir.is_empty() { b"." } else { dir };
        let candidate = [dir, b"/", program].concat();
        match find(&candidate) {
            Ok(file) => return Ok((candidate, file)),
            Err(error) if error.errno() == Errno::EACCES => refused = error,
            Err(_) => {}
        }
    }
    Err(refused)
}

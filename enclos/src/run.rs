//! `enclos run`: from settings to the image's configuration, and its start.

use crate::cli::RunOptions;
use crate::config_file;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::settings::Settings;
use crate::values::{EnvVar, VolumeSpec, parse_level};
use config::{Caller, Config, Level, Log, Loopback, Net, NetRules, Output, Volume};
use frame::launch::{Image, LaunchError, launch};
use std::env;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Puts what it holds at the start of a page, in the executable's file too.
#[repr(C, align(4096))]
struct PageAligned<T: ?Sized>(T);

/// The image's memory, built by `build.rs`.
static IMAGE_PAGES: PageAligned<[u8; include_bytes!(concat!(env!("OUT_DIR"), "/image")).len()]> =
    PageAligned(*include_bytes!(concat!(env!("OUT_DIR"), "/image")));

/// The image.
#[expect(clippy::unreadable_literal, reason = "the build generates its numbers")]
pub(crate) static IMAGE: Image = include!(concat!(env!("OUT_DIR"), "/image.rs"));

const LOG_VARIABLE: &str = "ENCLOS_LOG";

/// Runs a program. Comes back only if that fails before the image has taken over.
pub(crate) fn run(options: RunOptions) -> Failure {
    let config = match read_settings(options).and_then(configure) {
        Ok(config) => config,
        Err(failure) => return failure,
    };
    let Ok(encoded) = config.encode() else {
        return Failure::new("the configuration can't be encoded", "report this, it's a bug of Enclos");
    };
    let error = launch(&IMAGE, encoded);
    Failure::new(error.to_string(), LaunchError::remedy())
}

fn read_settings(options: RunOptions) -> Result<Settings, Failure> {
    let mut settings = options.settings;
    settings.log_level = match settings.log_level {
        None => level_of_environment()?,
        given => given,
    };
    match options.config {
        Some(path) => Ok(settings.over(config_file::read(&path)?)),
        None => Ok(settings),
    }
}

fn level_of_environment() -> Result<Option<Level>, Failure> {
    let Some(text) = env::var_os(LOG_VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    parse_level(&text)
        .map(Some)
        .map_err(|right| Failure::new(format!("invalid value '{text}' of the variable {LOG_VARIABLE}"), right))
}

/// Looks up on the host what the settings name.
fn configure(settings: Settings) -> Result<Config, Failure> {
    if settings.command.is_empty() {
        return Err(Failure::new("no program given", "name one, as in `enclos run /bin/ls -l /`"));
    }
    let given_root = settings.root.as_deref().unwrap_or(Path::new("/"));
    let root = resolve(given_root, "root directory")?;
    if !root.is_dir() {
        return Err(Failure::new(format!("root '{}' is no directory", root.display()), "give a directory with --root"));
    }
    let workdir = working_directory(settings.workdir, &root)?;
    let identity = match &settings.user {
        Some(user) => Identity::of_user(user, &root)?,
        None => Identity::of_caller()?,
    };
    let base = if settings.clean_env { Vec::new() } else { env::vars_os().collect() };
    let log_output = match &settings.log_file {
        Some(path) => open(path, "log file", OpenOptions::new().append(true))?,
        None => Output::Stderr,
    };
    let trace = match &settings.trace {
        Some(Some(path)) => Some(open(path, "trace file", OpenOptions::new().write(true).truncate(true))?),
        Some(None) => Some(Output::Stderr),
        None => None,
    };
    let caller = Caller {
        env: environment(base, settings.env),
        workdir: workdir.into_os_string().into_vec(),
        uid: identity.uid,
        gid: identity.gid,
        groups: identity.groups,
    };
    let net = settings.net.unwrap_or(Net::Host);
    if net == Net::None && settings.net_loopback == Some(Loopback::Host) {
        return Err(Failure::new(
            "without a network, the loopback is inside",
            "leave out --net-loopback host or --net none",
        ));
    }
    Ok(Config {
        root: root.into_os_string().into_vec(),
        volumes: settings.volume.into_iter().map(volume).collect::<Result<_, _>>()?,
        hostname: settings.hostname,
        memory: settings.memory,
        net,
        net_loopback: settings.net_loopback.unwrap_or_default(),
        net_rules: NetRules { bind: settings.net_bind, connect: settings.net_connect },
        isolation: settings.isolation.unwrap_or_default(),
        log: Log { level: settings.log_level.unwrap_or(Level::Off), output: log_output },
        trace,
        stats: settings.stats,
        ..Config::plain(settings.command.into_iter().map(OsString::into_vec).collect(), caller)
    })
}

/// The absolute path without symbolic links of what the host has at `path`.
fn resolve(path: &Path, what: &str) -> Result<PathBuf, Failure> {
    fs::canonicalize(path).map_err(|error| {
        Failure::new(format!("{what} '{}': {error}", path.display()), "create it or give another path")
    })
}

/// The one asked for; else the caller's, if it lies within the root.
fn working_directory(given: Option<PathBuf>, root: &Path) -> Result<PathBuf, Failure> {
    const REMEDY: &str = "give an absolute path, as the program sees it";
    match given {
        Some(path) if path.is_absolute() => Ok(path),
        Some(path) => Err(Failure::new(format!("working directory '{}' is relative", path.display()), REMEDY)),
        None => {
            let current = env::current_dir().map_err(|error| {
                Failure::new(format!("the working directory: {error}"), "give another one with --workdir")
            })?;
            let within = current.strip_prefix(root).unwrap_or(Path::new(""));
            Ok(Path::new("/").join(within))
        }
    }
}

fn volume(spec: VolumeSpec) -> Result<Volume, Failure> {
    let source = resolve(&spec.source, "volume")?;
    Ok(Volume {
        source: source.into_os_string().into_vec(),
        target: spec.target.into_os_string().into_vec(),
        access: spec.access,
    })
}

/// `NAME=VALUE` of each variable; of several with the same name, the last.
fn environment(base: Vec<(OsString, OsString)>, given: Vec<EnvVar>) -> Vec<Vec<u8>> {
    let mut variables = base;
    for EnvVar { name, value } in given {
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some(variable) => variable.1 = value,
            None => variables.push((name, value)),
        }
    }
    let entry = |(name, value): &(OsString, OsString)| [name.as_bytes(), b"=", value.as_bytes()].concat();
    variables.iter().map(entry).collect()
}

/// Opens a file for the image to write to, at none of the standard descriptors: those are the program's, even if the
/// caller closed them.
fn open(path: &Path, what: &str, options: &mut OpenOptions) -> Result<Output, Failure> {
    const FIRST_OTHER: RawFd = 3;
    let opened = options.create(true).open(path);
    let moved = opened.and_then(|file| Ok(rustix::io::fcntl_dupfd_cloexec(file, FIRST_OTHER)?));
    let fd = moved.map_err(|error| {
        Failure::new(format!("{what} '{}': {error}", path.display()), "give a path that you can write to")
    })?;
    Ok(Output::Fd(fd.into_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn settings(command: &[&str]) -> Settings {
        Settings { command: command.iter().map(OsString::from).collect(), ..Settings::default() }
    }

    #[test]
    fn the_image_lies_in_whole_pages() {
        assert!(IMAGE.pages.as_ptr().addr().is_multiple_of(4096));
        assert!(IMAGE.pages.starts_with(b"\x7fELF"));
        for place in [IMAGE.pages.len(), IMAGE.text.start, IMAGE.text.end, IMAGE.data.start, IMAGE.data.end] {
            assert!(place.is_multiple_of(4096), "{place:#x}");
        }
        assert!(IMAGE.text.contains(&IMAGE.entry) && IMAGE.data.end <= IMAGE.pages.len());
    }

    #[test]
    fn defaults_are_the_callers_surroundings() {
        let config = configure(settings(&["ls", "-l"])).unwrap();
        assert_eq!(config.program, b"ls");
        assert_eq!(config.args, [b"ls".to_vec(), b"-l".to_vec()]);
        assert_eq!(config.root, b"/");
        assert_eq!(config.workdir, env::current_dir().unwrap().as_os_str().as_bytes());
        assert!(config.env.iter().any(|entry| entry.starts_with(b"PATH=")));
        assert_eq!(config.log, Log { level: Level::Off, output: Output::Stderr });
        assert_eq!(config.trace, None);
    }

    #[test]
    fn later_variables_replace_earlier_ones() {
        let base = vec![("A".into(), "1".into()), ("B".into(), "2".into())];
        let variable = |name: &str, value: &str| EnvVar { name: name.into(), value: value.into() };
        let merged = environment(base, vec![variable("B", "3"), variable("C", "4"), variable("C", "5")]);
        assert_eq!(merged, [b"A=1".to_vec(), b"B=3".to_vec(), b"C=5".to_vec()]);
        assert_eq!(environment(Vec::new(), Vec::new()), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn working_directory_is_as_the_program_sees_it() {
        let current = env::current_dir().unwrap();
        let parent = current.parent().unwrap();
        let inside = Path::new("/").join(current.file_name().unwrap_or(OsStr::new("")));
        assert_eq!(working_directory(None, parent), Ok(inside));
        assert_eq!(working_directory(None, Path::new("/nowhere")), Ok("/".into()));
        assert_eq!(working_directory(Some("/tmp".into()), parent), Ok("/tmp".into()));
        assert!(working_directory(Some("tmp".into()), parent).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |settings| configure(settings).unwrap_err().to_string();
        assert!(message(settings(&[])).starts_with("no program given; "));
        let missing_root = Settings { root: Some("/no/such".into()), ..settings(&["ls"]) };
        assert!(message(missing_root).starts_with("root directory '/no/such': No such file"));
        let file_root = Settings { root: Some("/etc/passwd".into()), ..settings(&["ls"]) };
        assert!(message(file_root).starts_with("root '/etc/passwd' is no directory; "));
        let spec = crate::values::parse_volume(OsStr::new("/no/such:/x")).unwrap();
        let missing_volume = Settings { volume: vec![spec], ..settings(&["ls"]) };
        assert!(message(missing_volume).starts_with("volume '/no/such': No such file"));
    }
}

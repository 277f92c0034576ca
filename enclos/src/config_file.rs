//! `Enclos.toml`: the settings of a run in a file.
//!
//! Each key is the long name of an option, and its value what the option takes; `command` is the program with its
//! arguments. An error names the file, the line and what would be right.

use crate::failure::Failure;
use crate::settings::Settings;
use crate::values::{
    EnvVar, parse_destination, parse_env, parse_hostname, parse_isolation, parse_level, parse_loopback, parse_net,
    parse_ports, parse_size, parse_user, parse_volume,
};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const KEYS: [&str; 18] = [
    "clean-env",
    "command",
    "env",
    "hostname",
    "isolation",
    "log-file",
    "log-level",
    "memory",
    "net",
    "net-bind",
    "net-connect",
    "net-loopback",
    "root",
    "stats",
    "trace",
    "user",
    "volume",
    "workdir",
];

/// How alike two words must be (Jaro and Winkler's measure) for one to be taken for a slip of the other.
const ALIKE: f64 = 0.8;

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads the settings in the file at `path`.
pub(crate) fn read(path: &Path) -> Result<Settings, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::new(format!("can't read {}: {error}", path.display()), "name a readable file with --config")
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Settings, Failure> {
    let wrong = |wrong: Wrong| {
        let line = 1 + text.as_bytes().iter().take(wrong.at).filter(|&&byte| byte == b'\n').count();
        Failure::new(format!("{}:{line}: {}", path.display(), wrong.what), wrong.right)
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(Wrong { at, what: error.message().replace('\n', ", "), right: "write it as TOML has it".to_owned() })
    })?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut settings = Settings::default();
    // In the file's order, so that the first of several errors is reported.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        set(&mut settings, key.get_ref(), &key.span(), value, directory).map_err(wrong)?;
    }
    Ok(settings)
}

/// What is wrong at a byte of the file, and what would be right.
struct Wrong {
    at: usize,
    what: String,
    right: String,
}

fn set(
    settings: &mut Settings,
    key: &str,
    key_span: &Range<usize>,
    value: &Value<'_>,
    directory: &Path,
) -> Result<(), Wrong> {
    let entry = Entry { key, value };
    match key {
        "command" => settings.command = entry.strings()?.into_iter().map(|(text, _)| OsString::from(text)).collect(),
        "root" => settings.root = Some(directory.join(entry.string()?)),
        "volume" => {
            for (text, at) in entry.strings()? {
                let mut volume = parse_volume(OsStr::new(text)).map_err(|right| entry.invalid(at, text, right))?;
                volume.source = directory.join(volume.source);
                settings.volume.push(volume);
            }
        }
        "env" => settings.env = entry.variables()?,
        "clean-env" => settings.clean_env = entry.boolean()?,
        "workdir" => settings.workdir = Some(PathBuf::from(entry.string()?)),
        "user" => settings.user = Some(entry.number_or_string(parse_user)?),
        "hostname" => settings.hostname = Some(entry.parsed(parse_hostname)?),
        "memory" => settings.memory = Some(entry.number_or_string(parse_size)?),
        "isolation" => settings.isolation = Some(entry.parsed(parse_isolation)?),
        "net" => settings.net = Some(entry.parsed(parse_net)?),
        "net-loopback" => settings.net_loopback = Some(entry.parsed(parse_loopback)?),
        "net-bind" => settings.net_bind = Some(entry.all_parsed(parse_ports)?),
        "net-connect" => settings.net_connect = Some(entry.all_parsed(parse_destination)?),
        "log-level" => settings.log_level = Some(entry.parsed(parse_level)?),
        "log-file" => settings.log_file = Some(directory.join(entry.string()?)),
        "trace" => {
            settings.trace = match value.get_ref() {
                DeValue::Boolean(is_on) => is_on.then_some(None),
                DeValue::String(file) => Some(Some(directory.join(file.as_ref()))),
                _ => return Err(entry.mistyped(value, "true, false or the path of a file")),
            }
        }
        "stats" => settings.stats = entry.boolean()?,
        _ => {
            return Err(Wrong { at: key_span.start, what: format!("unknown key '{key}'"), right: suggestion(key) });
        }
    }
    Ok(())
}

fn suggestion(key: &str) -> String {
    let likeness = |known: &&str| strsim::jaro_winkler(known, key);
    let nearest = KEYS.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|known| likeness(known) > ALIKE) {
        Some(known) => format!("did you mean '{known}'?"),
        None => format!("the keys are {}", KEYS.join(", ")),
    }
}

/// A key with its value.
struct Entry<'a> {
    key: &'a str,
    value: &'a Value<'a>,
}

impl<'a> Entry<'a> {
    fn string(&self) -> Result<&'a str, Wrong> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.mistyped(self.value, "a string")),
        }
    }

    fn boolean(&self) -> Result<bool, Wrong> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.mistyped(self.value, "true or false")),
        }
    }

    /// The strings of an array, and where each stands.
    fn strings(&self) -> Result<Vec<(&'a str, usize)>, Wrong> {
        const EXPECTED: &str = "an array of strings";
        let DeValue::Array(values) = self.value.get_ref() else {
            return Err(self.mistyped(self.value, EXPECTED));
        };
        let string = |value: &'a Value<'a>| match value.get_ref() {
            DeValue::String(text) => Ok((text.as_ref(), value.span().start)),
            _ => Err(self.mistyped(value, EXPECTED)),
        };
        values.iter().map(string).collect()
    }

    /// The entries of a table of strings.
    fn variables(&self) -> Result<Vec<EnvVar>, Wrong> {
        const EXPECTED: &str = "a table of strings, such as { NAME = \"value\" }";
        let DeValue::Table(table) = self.value.get_ref() else {
            return Err(self.mistyped(self.value, EXPECTED));
        };
        let variable = |(name, value): (&'a Spanned<std::borrow::Cow<'a, str>>, &'a Value<'a>)| {
            let DeValue::String(text) = value.get_ref() else {
                return Err(self.mistyped(value, EXPECTED));
            };
            let entry = format!("{}={text}", name.get_ref());
            parse_env(OsStr::new(&entry)).map_err(|right| self.invalid(name.span().start, &entry, right))
        };
        table.iter().map(variable).collect()
    }

    fn parsed<T>(&self, parse: fn(&str) -> Result<T, String>) -> Result<T, Wrong> {
        let text = self.string()?;
        parse(text).map_err(|right| self.invalid(self.value.span().start, text, right))
    }

    fn all_parsed<T>(&self, parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, Wrong> {
        let parsed = |(text, at)| parse(text).map_err(|right| self.invalid(at, text, right));
        self.strings()?.into_iter().map(parsed).collect()
    }

    /// A value that may be written as a number of TOML, too.
    fn number_or_string<T>(&self, parse: fn(&str) -> Result<T, String>) -> Result<T, Wrong> {
        match self.value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => {
                parse(number.as_str()).map_err(|right| self.invalid(self.value.span().start, number.as_str(), right))
            }
            DeValue::String(_) => self.parsed(parse),
            _ => Err(self.mistyped(self.value, "a decimal number or a string")),
        }
    }

    fn mistyped(&self, value: &Value<'_>, expected: &str) -> Wrong {
        let found = value.get_ref().type_str();
        Wrong {
            at: value.span().start,
            what: format!("wrong type of '{}': {found}", self.key),
            right: format!("expected {expected}"),
        }
    }

    fn invalid(&self, at: usize, text: &str, right: String) -> Wrong {
        Wrong { at, what: format!("invalid value '{text}' for '{}'", self.key), right }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{UserSpec, VolumeSpec};
    use clap::CommandFactory;
    use config::{Access, Isolation, Level, Loopback, Net, Ports};

    fn parsed(text: &str) -> Settings {
        parse(Path::new("dir/Enclos.toml"), text).unwrap()
    }

    fn failure(text: &str) -> String {
        parse(Path::new("Enclos.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn keys_are_the_options() {
        let command = crate::cli::Cli::command();
        let run = command.find_subcommand("run").unwrap();
        let mut options: Vec<_> = run.get_arguments().filter_map(clap::Arg::get_long).collect();
        options.retain(|&option| option != "config");
        options.push("command");
        options.sort_unstable();
        assert_eq!(options, KEYS);
    }

    #[test]
    fn a_file_can_say_what_the_options_say() {
        let settings = parsed(
            r#"
            command = ["python3", "-c", "pass"]
            root = "root"
            volume = ["data:/data", "/etc:/host-etc:ro"]
            clean-env = true
            workdir = "/data"
            user = 1000
            hostname = "box"
            memory = "1G"
            net = "none"
            net-loopback = "inside"
            net-bind = ["8080", "9000-9100"]
            net-connect = []
            isolation = "process"
            log-level = "info"
            log-file = "/tmp/log"
            trace = "trace.txt"
            stats = true
            [env]
            NAME = "value"
            "#,
        );
        assert_eq!(settings.command, ["python3", "-c", "pass"]);
        assert_eq!(settings.root, Some("dir/root".into()));
        assert_eq!(
            settings.volume,
            [
                VolumeSpec { source: "dir/data".into(), target: "/data".into(), access: Access::ReadWrite },
                VolumeSpec { source: "/etc".into(), target: "/host-etc".into(), access: Access::ReadOnly },
            ]
        );
        assert_eq!(settings.env, [EnvVar { name: "NAME".into(), value: "value".into() }]);
        assert!(settings.clean_env && settings.stats);
        assert_eq!(settings.workdir, Some("/data".into()));
        assert_eq!(settings.user, Some(UserSpec { user: "1000".to_owned(), group: None }));
        assert_eq!(settings.hostname.as_deref(), Some("box"));
        assert_eq!(settings.memory, Some(1 << 30));
        assert_eq!(settings.net, Some(Net::None));
        assert_eq!(settings.net_loopback, Some(Loopback::Inside));
        assert_eq!(settings.net_bind, Some(vec![Ports(8080..=8080), Ports(9000..=9100)]));
        assert_eq!(settings.net_connect, Some(vec![]));
        assert_eq!(settings.isolation, Some(Isolation::Process));
        assert_eq!(settings.log_level, Some(Level::Info));
        assert_eq!(settings.log_file, Some("/tmp/log".into()));
        assert_eq!(settings.trace, Some(Some("dir/trace.txt".into())));
    }

    #[test]
    fn numbers_may_be_written_as_such() {
        assert_eq!(parsed("memory = 4_096").memory, Some(4096));
        assert_eq!(parsed("trace = true").trace, Some(None));
        assert_eq!(parsed("trace = false").trace, None);
    }

    #[test]
    fn options_go_over_the_file() {
        let line = Settings { net: Some(Net::Host), command: vec!["ls".into()], ..Settings::default() };
        let merged = line.over(parsed("net = 'none'\nmemory = 1\ncommand = ['true']\nvolume = ['/a:/b']"));
        assert_eq!(merged.net, Some(Net::Host));
        assert_eq!(merged.memory, Some(1));
        assert_eq!(merged.command, ["ls"]);
        assert_eq!(merged.volume.len(), 1);
    }

    #[test]
    fn errors_name_the_line_and_what_is_right() {
        for (text, expected) in [
            ("\nvolumes = []", "Enclos.toml:2: unknown key 'volumes'; did you mean 'volume'?"),
            ("# x\n\nmem = 1", "Enclos.toml:3: unknown key 'mem'; did you mean 'memory'?"),
            ("stats = 1", "Enclos.toml:1: wrong type of 'stats': integer; expected true or false"),
            (
                "net-bind = [\n'80',\n'http']",
                "Enclos.toml:3: invalid value 'http' for 'net-bind'; expected a port or a range of ports, \
                such as 8080 or 9000-9100; 0 is one that the host chooses",
            ),
            ("net = 'lo'", "Enclos.toml:1: invalid value 'lo' for 'net'; expected host or none"),
            (
                "volume = [\n'/a:/b',\n'/c'\n]",
                "Enclos.toml:3: invalid value '/c' for 'volume'; expected SRC:DST or SRC:DST:ro, such as ./data:/data",
            ),
            (
                "[env]\nA = '1'\nB = 2",
                "Enclos.toml:3: wrong type of 'env': integer; \
                 expected a table of strings, such as { NAME = \"value\" }",
            ),
            ("command = 'ls -l'", "Enclos.toml:1: wrong type of 'command': string; expected an array of strings"),
            (
                "user = 'a:b:c'",
                "Enclos.toml:1: invalid value 'a:b:c' for 'user'; \
                expected UID or UID:GID, such as 1000:1000, or names",
            ),
            (
                "memory = 0x10",
                "Enclos.toml:1: wrong type of 'memory': integer; \
                expected a decimal number or a string",
            ),
        ] {
            assert_eq!(failure(text), expected);
        }
        let unknown = failure("qqq = 1");
        assert!(unknown.starts_with("Enclos.toml:1: unknown key 'qqq'; the keys are clean-env, "), "{unknown}");
    }

    #[test]
    fn bad_syntax_is_reported_with_its_line() {
        for text in ["stats = true\nnet = ", "stats = true\nstats = true", "stats = true\n= 1", "stats = true\n[env"] {
            let failure = failure(text);
            assert!(failure.starts_with("Enclos.toml:2: ") && !failure.contains('\n'), "{failure}");
        }
    }
}

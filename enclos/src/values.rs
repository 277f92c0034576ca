//! Values of options, as they are written on the command line and in an `Enclos.toml`.
//!
//! Each parser's error says what the value should look like; the caller says which option it was for.

use config::{Access, Destination, Isolation, Level, Loopback, Net, Network, Ports};
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// A volume: `SRC:DST[:ro]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VolumeSpec {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) access: Access,
}

/// A variable: `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvVar {
    pub(crate) name: OsString,
    pub(crate) value: OsString,
}

/// A user, and perhaps a group, by number or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserSpec {
    pub(crate) user: String,
    pub(crate) group: Option<String>,
}

/// Linux's limit for host names (`__NEW_UTS_LEN`).
const MAX_HOSTNAME: usize = 64;

/// Levels by name, the quietest first.
const LEVELS: [(&str, Level); 6] = [
    ("off", Level::Off),
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    const EXPECTED: &str = "expected a number of bytes above 0, or of K, M, G or T (powers of 1024), such as 512M";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.to_ascii_uppercase();
    // 512M, 512MiB and 512MB mean the same, as they do for container runtimes.
    let unit = unit.strip_suffix('B').unwrap_or(&unit);
    let power = match unit.strip_suffix('I').unwrap_or(unit) {
        "" if unit.is_empty() => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(EXPECTED.to_owned()),
    };
    let size = number.parse::<u64>().ok().filter(|&number| number > 0).ok_or(EXPECTED)?;
    size.checked_mul(1 << (10 * power)).ok_or_else(|| "more than 64 bits can say".to_owned())
}

pub(crate) fn parse_volume(text: &OsStr) -> Result<VolumeSpec, String> {
    const EXPECTED: &str = "expected SRC:DST or SRC:DST:ro, such as ./data:/data";
    let text = text.as_bytes();
    let (paths, access) = match text.strip_suffix(b":ro") {
        Some(paths) => (paths, Access::ReadOnly),
        None => (text.strip_suffix(b":rw").unwrap_or(text), Access::ReadWrite),
    };
    let colon = paths.iter().rposition(|&byte| byte == b':').ok_or(EXPECTED)?;
    let (source, target) = (&paths[..colon], &paths[colon + 1..]);
    if source.is_empty() || target.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    if !target.starts_with(b"/") {
        return Err("DST must be an absolute path, as the program sees it".to_owned());
    }
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    Ok(VolumeSpec { source: path(source), target: path(target), access })
}

pub(crate) fn parse_env(text: &OsStr) -> Result<EnvVar, String> {
    let text = text.as_bytes();
    match text.iter().position(|&byte| byte == b'=') {
        Some(length) if length > 0 => Ok(EnvVar {
            name: OsString::from_vec(text[..length].to_vec()),
            value: OsString::from_vec(text[length + 1..].to_vec()),
        }),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

pub(crate) fn parse_user(text: &str) -> Result<UserSpec, String> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group.to_owned())),
        None => (text, None),
    };
    let is_named = |name: &str| !name.is_empty() && !name.contains(':');
    if is_named(user) && group.as_deref().is_none_or(is_named) {
        Ok(UserSpec { user: user.to_owned(), group })
    } else {
        Err("expected UID or UID:GID, such as 1000:1000, or names".to_owned())
    }
}

pub(crate) fn parse_hostname(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_HOSTNAME || text.contains('\0') {
        return Err(format!("expected 1 to {MAX_HOSTNAME} bytes"));
    }
    Ok(text.to_owned())
}

pub(crate) fn parse_net(text: &str) -> Result<Net, String> {
    match text {
        "host" => Ok(Net::Host),
        "none" => Ok(Net::None),
        _ => Err("expected host or none".to_owned()),
    }
}

pub(crate) fn parse_loopback(text: &str) -> Result<Loopback, String> {
    match text {
        "host" => Ok(Loopback::Host),
        "inside" => Ok(Loopback::Inside),
        _ => Err("expected host or inside".to_owned()),
    }
}

pub(crate) fn parse_ports(text: &str) -> Result<Ports, String> {
    const EXPECTED: &str =
        "expected a port or a range of ports, such as 8080 or 9000-9100; 0 is one that the host chooses";
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(Ports(first..=last)),
        _ => Err(EXPECTED.to_owned()),
    }
}

pub(crate) fn parse_destination(text: &str) -> Result<Destination, String> {
    const EXPECTED: &str = "expected ADDRESS[/BITS][:PORTS], such as 10.0.0.0/8:443, [::1]:8000-8010 or *:53";
    let (network, ports) = match text.rsplit_once(':') {
        // An IPv6 address has colons of its own, unless brackets keep it apart.
        Some((network, ports)) if !network.contains(':') || network.starts_with('[') && !ports.contains(']') => {
            (network, parse_ports(ports)?)
        }
        _ => (text, Ports::ALL),
    };
    if network == "*" {
        return Ok(Destination { network: None, ports });
    }
    let (address, bits) = match network.split_once('/') {
        Some((address, bits)) => (address, Some(bits.trim_end_matches(']'))),
        None => (network, None),
    };
    let address: IpAddr =
        address.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| EXPECTED.to_owned())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = bits.map_or(Ok(most), str::parse).ok().filter(|&bits| bits <= most).ok_or(EXPECTED)?;
    Ok(Destination { network: Some(Network { address, prefix }), ports })
}

pub(crate) fn parse_isolation(text: &str) -> Result<Isolation, String> {
    match text {
        "none" => Ok(Isolation::None),
        "process" => Ok(Isolation::Process),
        _ => Err("expected none or process".to_owned()),
    }
}

pub(crate) fn parse_level(text: &str) -> Result<Level, String> {
    LEVELS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|&(_, level)| level)
        .ok_or_else(|| "expected off, error, warn, info, debug or trace".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, size) in [
            ("1", 1),
            ("4096", 4096),
            ("512M", 512 << 20),
            ("512m", 512 << 20),
            ("512MiB", 512 << 20),
            ("512MB", 512 << 20),
            ("2Gi", 2 << 30),
            ("64k", 64 << 10),
            ("3T", 3 << 40),
            ("16B", 16),
        ] {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
    }

    #[test]
    fn other_sizes_are_refused() {
        for text in ["", "0", "0K", "M", "-1", "1.5G", "1 G", "1X", "1Mi B", "1iB", "18446744073709551616", "16777216T"]
        {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn volumes_have_two_paths_and_an_access() {
        let volume = |source: &str, target: &str, access| {
            Ok(VolumeSpec { source: source.into(), target: target.into(), access })
        };
        for (text, expected) in [
            ("data:/data", volume("data", "/data", Access::ReadWrite)),
            ("/a:/b:ro", volume("/a", "/b", Access::ReadOnly)),
            ("/a:/b:rw", volume("/a", "/b", Access::ReadWrite)),
            ("/a:x:/b", volume("/a:x", "/b", Access::ReadWrite)),
        ] {
            assert_eq!(parse_volume(OsStr::new(text)), expected, "{text}");
        }
        for text in ["", "/a", "/a:", ":/b", "/a:b", "/a:ro", "/a::ro", ":"] {
            assert!(parse_volume(OsStr::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_have_a_name() {
        let variable = |name: &str, value: &str| Ok(EnvVar { name: name.into(), value: value.into() });
        assert_eq!(parse_env(OsStr::new("A=")), variable("A", ""));
        assert_eq!(parse_env(OsStr::new("A=b=c")), variable("A", "b=c"));
        assert!(parse_env(OsStr::new("=x")).is_err());
        assert!(parse_env(OsStr::new("A")).is_err());
        let not_utf8 = OsStr::from_bytes(b"A=\xff");
        assert_eq!(parse_env(not_utf8).unwrap().value.as_bytes(), b"\xff");
    }

    #[test]
    fn users_may_have_a_group() {
        let user =
            |user: &str, group: Option<&str>| Ok(UserSpec { user: user.to_owned(), group: group.map(str::to_owned) });
        assert_eq!(parse_user("1000"), user("1000", None));
        assert_eq!(parse_user("www-data:0"), user("www-data", Some("0")));
        for text in ["", ":", "a:", ":a", "a:b:c"] {
            assert!(parse_user(text).is_err(), "{text}");
        }
    }

    #[test]
    fn host_names_have_linuxs_limit() {
        assert!(parse_hostname(&"x".repeat(64)).is_ok());
        assert!(parse_hostname(&"x".repeat(65)).is_err());
        assert!(parse_hostname("").is_err());
    }

    #[test]
    fn ports_may_be_a_range() {
        for (text, expected) in [("80", 80..=80), ("0", 0..=0), ("9000-9100", 9000..=9100)] {
            assert_eq!(parse_ports(text), Ok(Ports(expected)), "{text}");
        }
        for text in ["", "-", "80-", "9-8", "65536", "http", "1-2-3"] {
            assert!(parse_ports(text).is_err(), "{text}");
        }
    }

    #[test]
    fn destinations_may_be_networks() {
        let to = |address: &str, prefix, ports| {
            let network = Network { address: address.parse().unwrap(), prefix };
            Ok(Destination { network: Some(network), ports: Ports(ports) })
        };
        for (text, expected) in [
            ("10.0.0.0/8:443", to("10.0.0.0", 8, 443..=443)),
            ("10.0.0.1", to("10.0.0.1", 32, 0..=65535)),
            ("[::1]:80-90", to("::1", 128, 80..=90)),
            ("[fe80::/10]:1", to("fe80::", 10, 1..=1)),
            ("[fe80::]/10:1", to("fe80::", 10, 1..=1)),
            ("fe80::/10", to("fe80::", 10, 0..=65535)),
            ("[::1]", to("::1", 128, 0..=65535)),
            ("*:53", Ok(Destination { network: None, ports: Ports(53..=53) })),
            ("*", Ok(Destination { network: None, ports: Ports::ALL })),
        ] {
            assert_eq!(parse_destination(text), expected, "{text}");
        }
        for text in ["", ":80", "example.org:80", "10.0.0.0/33", "::/129", "10.0.0.1:", "10.0.0.1:x", "1.2.3.4/x"] {
            assert!(parse_destination(text).is_err(), "{text}");
        }
    }

    #[test]
    fn levels_go_by_name() {
        assert_eq!(parse_level("WARN"), Ok(Level::Warn));
        assert!(parse_level("loud").is_err());
    }
}

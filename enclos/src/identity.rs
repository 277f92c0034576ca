//! Whom a program runs as.

use crate::failure::Failure;
use crate::values::UserSpec;
use std::fs;
use std::path::Path;

/// User, group and supplementary groups.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

impl Identity {
    /// The caller's.
    pub(crate) fn of_caller() -> Result<Self, Failure> {
        let groups = rustix::process::getgroups().map_err(|error| {
            Failure::new(format!("can't read your groups: {error}"), "give a user and group with --user UID:GID")
        })?;
        Ok(Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
        })
    }

    /// That of `spec`, with names looked up below `root`. A user with an entry in `/etc/passwd` has the groups of a
    /// login, unless the group is given; one without has the caller's group.
    pub(crate) fn of_user(spec: &UserSpec, root: &Path) -> Result<Self, Failure> {
        let database = |name: &str| fs::read(root.join(name)).unwrap_or_default();
        let (users, groups) = (database("etc/passwd"), database("etc/group"));
        let caller_gid = || rustix::process::getegid().as_raw();
        Self::find(spec, &String::from_utf8_lossy(&users), &String::from_utf8_lossy(&groups), caller_gid)
    }

    fn find(spec: &UserSpec, users: &str, groups: &str, caller_gid: impl Fn() -> u32) -> Result<Self, Failure> {
        let number = parse_id(&spec.user);
        let entry = users.lines().filter_map(User::parse).find(|user| match number {
            Some(uid) => user.uid == uid,
            None => user.name == spec.user,
        });
        let uid = number.or(entry.as_ref().map(|user| user.uid)).ok_or_else(|| {
            Failure::new(
                format!("no user '{}' in the root's /etc/passwd", spec.user),
                "give a number from 0 to 4294967294 or a name that is there",
            )
        })?;
        let (gid, supplementary) = match (&spec.group, entry) {
            (Some(group), _) => (find_group(group, groups)?, Vec::new()),
            (None, Some(user)) => (user.gid, memberships(user.name, groups)),
            (None, None) => (caller_gid(), Vec::new()),
        };
        Ok(Self { uid, gid, groups: supplementary })
    }
}

/// A line of `/etc/passwd` (`man 5 passwd`).
struct User<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
}

impl<'a> User<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        Some(Self { name: fields.next()?, uid: parse_id(fields.nth(1)?)?, gid: parse_id(fields.next()?)? })
    }
}

/// A line of `/etc/group` (`man 5 group`).
struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

impl<'a> Group<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        Some(Self { name: fields.next()?, gid: parse_id(fields.nth(1)?)?, members: fields.next().unwrap_or("") })
    }
}

fn find_group(name: &str, groups: &str) -> Result<u32, Failure> {
    let by_name = || groups.lines().filter_map(Group::parse).find(|group| group.name == name).map(|group| group.gid);
    parse_id(name).or_else(by_name).ok_or_else(|| {
        Failure::new(
            format!("no group '{name}' in the root's /etc/group"),
            "give a number from 0 to 4294967294 or a name that is there",
        )
    })
}

fn memberships(user: &str, groups: &str) -> Vec<u32> {
    let is_member = |group: &Group<'_>| group.members.split(',').any(|member| member == user);
    groups.lines().filter_map(Group::parse).filter(is_member).map(|group| group.gid).collect()
}

/// A user or group id; the highest number means "none" to Linux.
fn parse_id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&id| id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::parse_user;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\nada:x:1000:1001:Ada,,,:/home/ada:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\nada:x:1001:\naudio:x:29:bob,ada\nvideo:x:44:adab\nsudo:x:27:ada";

    fn find(spec: &str) -> Result<(u32, u32, Vec<u32>), String> {
        Identity::find(&parse_user(spec).unwrap(), USERS, GROUPS, || 77)
            .map(|identity| (identity.uid, identity.gid, identity.groups))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn known_users_have_the_groups_of_a_login() {
        assert_eq!(find("ada"), Ok((1000, 1001, vec![29, 27])));
        assert_eq!(find("1000"), Ok((1000, 1001, vec![29, 27])));
        assert_eq!(find("root"), Ok((0, 0, vec![])));
    }

    #[test]
    fn a_given_group_is_the_only_one() {
        assert_eq!(find("ada:audio"), Ok((1000, 29, vec![])));
        assert_eq!(find("5:6"), Ok((5, 6, vec![])));
    }

    #[test]
    fn unknown_numbers_keep_the_callers_group() {
        assert_eq!(find("5"), Ok((5, 77, vec![])));
    }

    #[test]
    fn unknown_names_are_reported() {
        assert!(find("eve").unwrap_err().starts_with("no user 'eve'"));
        assert!(find("ada:eve").unwrap_err().starts_with("no group 'eve'"));
        assert!(find("4294967295").is_err());
    }

    #[test]
    fn the_caller_has_an_identity() {
        assert!(Identity::of_caller().is_ok());
    }
}

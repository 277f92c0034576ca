//! What is measured: one entry per row of the printed table.
//!
//! A new row is a new entry here, and for an operation of its own one in `guest/micro.c`.

use std::time::Duration;

/// One row.
pub(crate) struct Benchmark {
    pub(crate) name: &'static str,
    /// What one measured unit is.
    pub(crate) what: &'static str,
    /// The program and its arguments. In them stand for paths, as the measured system sees them:
    /// `{guest}` the folder of built guest programs, `{memory}` a folder in memory (natively a tmpfs),
    /// `{volume}` a folder of the host that programs can write, `{postgresql}` the folder of PostgreSQL's programs.
    /// `{echo}` is the port of a server outside that sends back what it gets, `{port}` that of the measured server.
    pub(crate) program: &'static [&'static str],
    /// Options of `enclos run` that the row is about.
    pub(crate) options: &'static [&'static str],
    pub(crate) measure: Measure,
    /// What Enclos must reach; none for rows that only inform.
    pub(crate) bar: Option<Bar>,
}

/// Where a time comes from.
pub(crate) enum Measure {
    /// The program prints nanoseconds per operation.
    Printed,
    /// Wall time of the whole command: the median of so many runs is one sample.
    Command { runs: u32 },
    /// `openssl speed -mr` prints bytes per second; the time of 1 GiB is taken.
    OpensslSpeed,
    /// The program is a server; the client outside prints how many requests it answers per second.
    Served(Client),
}

/// Who asks a server. Its programs run natively, and their arguments have the same words for places.
pub(crate) struct Client {
    /// Whom the server runs as if root measures it, should it refuse to run as root.
    pub(crate) server_user: Option<&'static str>,
    /// What is run before, until it succeeds.
    pub(crate) before: &'static [&'static [&'static str]],
    pub(crate) program: &'static [&'static str],
    /// What stands before the rates that it prints; the median time is taken.
    pub(crate) rates: &'static [&'static str],
}

/// The most that Enclos may take.
pub(crate) enum Bar {
    /// So much of native time.
    Ratio(f64),
    /// So much of native time, and so much more than it.
    RatioAndMore(f64, Duration),
    /// So long, however long it takes natively.
    Within(Duration),
}

/// How long an operation of `guest/micro.c` is repeated per sample.
const MILLISECONDS: &str = "200";

/// The user that Debian runs PostgreSQL as.
pub(crate) const POSTGRESQL_USER: &str = "postgres";

const REDIS: &[&str] =
    &["/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", "{port}", "--save", "", "--appendonly", "no"];
const REDIS_RATES: &[&str] = &["\"SET\",\"", "\"GET\",\""];

const POSTGRES: &[&str] = &[
    "{postgresql}/postgres",
    "-D",
    "{volume}/postgres",
    "-p",
    "{port}",
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    "unix_socket_directories=",
];

/// `pgbench` with its usual options, for `{port}`.
macro_rules! pgbench {
    ($($option:literal),*) => {
        &["{postgresql}/pgbench", $($option,)* "-h", "127.0.0.1", "-p", "{port}", "-U", "postgres", "postgres"]
    };
}

/// All rows, in the order in which they're printed.
pub(crate) const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "getpid",
        what: "getpid by a raw syscall instruction",
        program: &["{guest}/micro", "getpid", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.15)),
    },
    Benchmark {
        name: "clock_gettime",
        what: "clock_gettime(CLOCK_MONOTONIC) of libc",
        program: &["{guest}/micro", "clock_gettime", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.05)),
    },
    Benchmark {
        name: "pread",
        what: "pread of 4 KiB of a file in memory",
        program: &["{guest}/micro", "pread", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.5)),
    },
    Benchmark {
        name: "open",
        what: "open, read, close of a 100 byte file in memory",
        program: &["{guest}/micro", "open", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.5)),
    },
    Benchmark {
        name: "mmap",
        what: "mmap of 64 KiB, touch, munmap",
        program: &["{guest}/micro", "mmap", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.0)),
    },
    Benchmark {
        name: "thread",
        what: "thread create and join",
        program: &["{guest}/micro", "thread", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.2)),
    },
    Benchmark {
        name: "futex",
        what: "futex round trip between two threads",
        program: &["{guest}/micro", "futex", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.1)),
    },
    Benchmark {
        name: "futex-pinned",
        what: "the same on one CPU",
        program: &["{guest}/micro", "futex-pinned", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: None,
    },
    Benchmark {
        name: "spawn-static",
        what: "posix_spawn and wait, static-PIE that returns at once (glibc)",
        program: &["{guest}/micro", "spawn-static", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.1)),
    },
    Benchmark {
        name: "spawn-dynamic",
        what: "the same, dynamically linked (glibc)",
        program: &["{guest}/micro", "spawn-dynamic", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.25)),
    },
    Benchmark {
        name: "spawn-static-bare",
        what: "the same, static-PIE without libc",
        program: &["{guest}/micro", "spawn-static-bare", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: None,
    },
    Benchmark {
        name: "spawn-dynamic-musl",
        what: "the same, dynamically linked to musl",
        program: &["{guest}/micro", "spawn-dynamic-musl", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: None,
    },
    Benchmark {
        name: "fork",
        what: "fork of a small process that ends at once, and wait",
        program: &["{guest}/micro", "fork", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.5)),
    },
    Benchmark {
        name: "fork-touched",
        what: "the same, with 64 MiB touched",
        program: &["{guest}/micro", "fork-touched", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.2)),
    },
    Benchmark {
        name: "fork-exec",
        what: "fork, execve of a static-PIE without libc, and wait",
        program: &["{guest}/micro", "fork-exec", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.0)),
    },
    Benchmark {
        name: "bash",
        what: "1,000 times /bin/true in a loop of bash",
        program: &["/bin/bash", "-c", "for ((i = 0; i < 1000; i++)); do /bin/true; done"],
        options: &[],
        measure: Measure::Command { runs: 1 },
        bar: Some(Bar::Ratio(1.2)),
    },
    Benchmark {
        name: "live",
        what: "start of 1,000 processes that stay",
        program: &["{guest}/micro", "live", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Within(Duration::from_secs(1))),
    },
    Benchmark {
        name: "signal",
        what: "signal to oneself with a handler",
        program: &["{guest}/micro", "signal", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.2)),
    },
    Benchmark {
        name: "signal-thread",
        what: "signal to a thread in user code, until handled",
        program: &["{guest}/micro", "signal-thread", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.2)),
    },
    Benchmark {
        name: "make",
        what: "make -j2 of a C project of 30 files, on a volume",
        program: &["/usr/bin/make", "-s", "-B", "-j2", "-C", "{volume}/project"],
        options: &[],
        measure: Measure::Command { runs: 1 },
        bar: Some(Bar::Ratio(0.9)),
    },
    Benchmark {
        name: "pipe",
        what: "a byte through a pipe to another thread and back",
        program: &["{guest}/micro", "pipe", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.5)),
    },
    Benchmark {
        name: "pipe-pinned",
        what: "the same on one CPU",
        program: &["{guest}/micro", "pipe-pinned", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.0)),
    },
    Benchmark {
        name: "pipe-fork-pinned",
        what: "the same, between processes with address spaces of their own",
        program: &["{guest}/micro", "pipe-fork-pinned", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.0)),
    },
    Benchmark {
        name: "pipe-bytes",
        what: "64 KiB through a pipe to another thread",
        program: &["{guest}/micro", "pipe-bytes", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.5)),
    },
    Benchmark {
        name: "unix",
        what: "a byte through a Unix stream socket to another process and back",
        program: &["{guest}/micro", "unix", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.5)),
    },
    Benchmark {
        name: "unix-pinned",
        what: "the same on one CPU",
        program: &["{guest}/micro", "unix-pinned", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.8)),
    },
    Benchmark {
        name: "unix-bytes",
        what: "64 KiB through a Unix stream socket to another process",
        program: &["{guest}/micro", "unix-bytes", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.67)),
    },
    Benchmark {
        name: "epoll-1",
        what: "epoll_wait for the one file that is watched, ready",
        program: &["{guest}/micro", "epoll-1", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.3)),
    },
    Benchmark {
        name: "epoll-1000",
        what: "epoll_wait with 1,000 files watched, one ready",
        program: &["{guest}/micro", "epoll-1000", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.3)),
    },
    Benchmark {
        name: "epoll-10000",
        what: "epoll_wait with 10,000 files watched, one ready",
        program: &["{guest}/micro", "epoll-10000", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.3)),
    },
    Benchmark {
        name: "epoll-sockets-1000",
        what: "epoll_wait with 1,000 sockets of the host watched, one ready",
        program: &["{guest}/micro", "epoll-sockets-1000", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.3)),
    },
    Benchmark {
        name: "tcp",
        what: "a byte by TCP to a process outside and back",
        program: &["{guest}/micro", "tcp", "{echo}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(1.15)),
    },
    Benchmark {
        name: "tcp-inside",
        what: "a byte by TCP to another process inside and back",
        program: &["{guest}/micro", "tcp-inside", "{memory}", MILLISECONDS],
        options: &["--net-loopback", "inside"],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.5)),
    },
    Benchmark {
        name: "poll-100",
        what: "poll of 100 files, one ready",
        program: &["{guest}/micro", "poll-100", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.5)),
    },
    Benchmark {
        name: "eventfd",
        what: "write and read of an eventfd",
        program: &["{guest}/micro", "eventfd", "{memory}", MILLISECONDS],
        options: &[],
        measure: Measure::Printed,
        bar: Some(Bar::Ratio(0.2)),
    },
    Benchmark {
        name: "redis",
        what: "GET and SET of a redis-server, 50 clients outside",
        program: REDIS,
        options: &[],
        measure: Measure::Served(Client {
            server_user: None,
            before: &[],
            program: &["redis-benchmark", "-p", "{port}", "-c", "50", "-n", "200000", "-t", "set,get", "--csv"],
            rates: REDIS_RATES,
        }),
        bar: Some(Bar::Ratio(1.0 / 0.95)),
    },
    Benchmark {
        name: "redis-pipelined",
        what: "the same, 16 requests at once",
        program: REDIS,
        options: &[],
        measure: Measure::Served(Client {
            server_user: None,
            before: &[],
            program: &[
                "redis-benchmark",
                "-p",
                "{port}",
                "-c",
                "50",
                "-P",
                "16",
                "-n",
                "1000000",
                "-t",
                "set,get",
                "--csv",
            ],
            rates: REDIS_RATES,
        }),
        bar: Some(Bar::Ratio(1.0)),
    },
    Benchmark {
        name: "nginx",
        what: "1 KiB from a volume by nginx with 4 workers, 32 connections that are kept",
        program: &["/usr/sbin/nginx", "-e", "error.log", "-c", "nginx.conf", "-p", "{volume}/nginx"],
        options: &[],
        measure: Measure::Served(Client {
            server_user: None,
            before: &[],
            program: &["wrk", "-c", "32", "-t", "2", "-d", "3s", "http://127.0.0.1:{port}/"],
            rates: &["Requests/sec:"],
        }),
        bar: Some(Bar::Ratio(1.0 / 0.9)),
    },
    Benchmark {
        name: "pgbench-select",
        what: "a transaction of pgbench -S, 8 clients, PostgreSQL on a volume",
        program: POSTGRES,
        options: &[],
        measure: Measure::Served(Client {
            server_user: Some(POSTGRESQL_USER),
            before: &[pgbench!("-i", "-q", "-s", "10")],
            program: pgbench!("-S", "-c", "8", "-j", "2", "-T", "3"),
            rates: &["tps = "],
        }),
        bar: Some(Bar::Ratio(1.0 / 0.9)),
    },
    Benchmark {
        name: "pgbench",
        what: "the same with transactions like TPC-B's",
        program: POSTGRES,
        options: &[],
        measure: Measure::Served(Client {
            server_user: Some(POSTGRESQL_USER),
            before: &[pgbench!("-i", "-q", "-s", "10")],
            program: pgbench!("-c", "8", "-j", "2", "-T", "5"),
            rates: &["tps = "],
        }),
        bar: Some(Bar::Ratio(1.0 / 0.9)),
    },
    Benchmark {
        name: "openssl",
        what: "sha256 of 1 GiB, by openssl speed",
        program: &["/usr/bin/openssl", "speed", "-mr", "-elapsed", "-seconds", "2", "-bytes", "16384", "sha256"],
        options: &[],
        measure: Measure::OpensslSpeed,
        bar: Some(Bar::Ratio(1.02)),
    },
    Benchmark {
        name: "python",
        what: "numeric loop in Python",
        program: &["/usr/bin/python3", "{guest}/numeric.py"],
        options: &[],
        measure: Measure::Command { runs: 1 },
        bar: Some(Bar::Ratio(1.02)),
    },
    Benchmark {
        name: "xz",
        what: "xz of 20 MB",
        program: &["/usr/bin/xz", "-1", "-T1", "-k", "-c", "{guest}/data"],
        options: &[],
        measure: Measure::Command { runs: 1 },
        bar: Some(Bar::Ratio(1.02)),
    },
    Benchmark {
        name: "cat",
        what: "cat of a large host file from a volume",
        program: &["/bin/cat", "{volume}/large"],
        options: &[],
        measure: Measure::Command { runs: 1 },
        bar: Some(Bar::Ratio(1.1)),
    },
    Benchmark {
        name: "hello",
        what: "start of a static hello, whole command",
        program: &["{guest}/hello"],
        options: &[],
        measure: Measure::Command { runs: 40 },
        bar: Some(Bar::RatioAndMore(3.0, Duration::from_millis(3))),
    },
    Benchmark {
        name: "python-start",
        what: "start of python3 -c pass, whole command",
        program: &["/usr/bin/python3", "-c", "pass"],
        options: &[],
        measure: Measure::Command { runs: 10 },
        bar: Some(Bar::Ratio(1.3)),
    },
];

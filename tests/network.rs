//! Sockets between programs inside and peers outside, which of the host's network may be used, and what is left behind.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use guest_tests::enclos::Enclos;
use rustix::process::{Pid, Signal, kill_process};

/// How long a program may run; a peer that waits for it is freed then.
const PATIENCE: &str = "50";

const LOOPBACK_INSIDE: [&str; 2] = ["--net-loopback", "inside"];

/// Connects to the two echo servers whose ports are its arguments, and sends and receives in each way.
const CLIENT: &str = r"
import os, socket, sys
tcp_port, udp_port = int(sys.argv[1]), int(sys.argv[2])

def exactly(receive, count):
    got = b''
    while len(got) < count:
        part = receive(count - len(got))
        assert part
        got += part
    return got

tcp = socket.create_connection(('127.0.0.1', tcp_port), 20)
tcp.setblocking(True)
fd = tcp.fileno()

def sendfile(data):
    with open('/tmp/data', 'wb+') as file:
        file.write(data)
        file.flush()
        os.sendfile(fd, file.fileno(), 0, len(data))

def splice_out(data):
    reader, writer = os.pipe()
    os.write(writer, data)
    assert os.splice(reader, fd, len(data)) == len(data)

def splice_in(count):
    reader, writer = os.pipe()
    return os.read(reader, os.splice(fd, writer, count))

def receive_into(count):
    buffer = bytearray(count)
    return bytes(buffer[:tcp.recv_into(buffer)])

def receive_scattered(count):
    parts = [bytearray(1), bytearray(count)]
    got = os.readv(fd, parts)
    return b''.join(map(bytes, parts))[:got]

senders = [tcp.sendall, lambda data: os.write(fd, data), lambda data: os.writev(fd, [data[:1], data[1:]]),
           lambda data: tcp.sendmsg([data[:2], b'', data[2:]]), lambda data: tcp.sendto(data, ('127.0.0.1', tcp_port)),
           sendfile, splice_out]
receivers = [tcp.recv, lambda count: os.read(fd, count), receive_into, receive_scattered, splice_in,
             lambda count: tcp.recvmsg(count)[0], lambda count: tcp.recvfrom(count)[0],
             lambda count: tcp.recv(count, socket.MSG_WAITALL)]
for number, send in enumerate(senders):
    for receive in receivers:
        data = b'message %d' % number
        send(data)
        assert exactly(receive, len(data)) == data
big = os.urandom(1 << 20)
import threading
threading.Thread(target=tcp.sendall, args=(big,)).start()
assert exactly(tcp.recv, len(big)) == big
tcp.shutdown(socket.SHUT_WR)
assert tcp.recv(1) == b''

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
there = ('127.0.0.1', udp_port)
udp.settimeout(20)
udp.sendto(b'one', there)
assert udp.recvfrom(10) == (b'one', there)
udp.sendmsg([b'tw', b'o'], [], 0, there)
assert udp.recvmsg(10)[0] == b'two'
udp.connect(there)
udp.send(b'three')
assert udp.recv(3) == b'thr'
os.write(udp.fileno(), b'')
assert udp.recv(10) == b''
print('done')
";

/// Serves one TCP connection and one datagram; its first line names the ports.
const SERVER: &str = r"
import socket
listener = socket.create_server(('127.0.0.1', 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('127.0.0.1', 0))
print(listener.getsockname()[1], udp.getsockname()[1], flush=True)
connection, peer = listener.accept()
print(peer[0], connection.getpeername() == peer, flush=True)
while data := connection.recv(4096):
    connection.sendall(data[::-1])
connection.close()
data, peer = udp.recvfrom(100)
udp.sendto(data[::-1], peer)
";

#[test]
fn inside_reaches_outside_in_each_way_of_sending() {
    let (tcp, udp) = (serve_tcp(), serve_udp());
    let (tcp, udp) = (tcp.to_string(), udp.to_string());
    let Some(output) = run(&[], &["python3", "-c", CLIENT, &tcp, &udp]) else { return };
    assert_eq!(text(&output), "done\n");
}

#[test]
fn outside_reaches_inside() {
    let Some(mut server) = Inside::start(&["python3", "-c", SERVER]) else { return };
    let line = server.line();
    let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().expect("a port")).collect();
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, ports[0])).expect("the server listens");
    assert_eq!(server.line(), "127.0.0.1 True\n");
    is_turned_round(&mut tcp);
    drop(tcp);
    datagram_is_turned_round(ports[1]);
}

#[test]
fn inside_reaches_outside_with_the_loopback_inside() {
    let (tcp, udp) = (serve_tcp(), serve_udp());
    let (tcp, udp) = (tcp.to_string(), udp.to_string());
    let Some(output) = run(&LOOPBACK_INSIDE, &["python3", "-c", CLIENT, &tcp, &udp]) else { return };
    assert_eq!(text(&output), "done\n");
}

#[test]
fn inside_and_outside_reach_a_server_with_the_loopback_inside() {
    const SCRIPT: &str = r"
import os, socket, sys
tcp = socket.create_server((sys.argv[1], 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((sys.argv[1], 0))
there, udp_there = ('127.0.0.1', tcp.getsockname()[1]), ('127.0.0.1', udp.getsockname()[1])
if os.fork() == 0:
    client = socket.create_connection(there)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b'inside', udp_there)
    assert client.getpeername() == there and sender.recvfrom(10) == (b'edisni', udp_there)
    client.recv(1)
    os._exit(0)
inside, peer = tcp.accept()
assert peer[0] == '127.0.0.1' and inside.getpeername() == peer
data, peer = udp.recvfrom(10)
udp.sendto(data[::-1], peer)
print(there[1], udp_there[1], flush=True)
outside, _ = tcp.accept()
outside.sendall(outside.recv(100)[::-1])
data, peer = udp.recvfrom(10)
udp.sendto(data[::-1], peer)
sys.stdin.readline()
inside.close()
os.wait()
print('end', flush=True)
";
    for address in ["0.0.0.0", "127.0.0.1"] {
        let Some(mut server) = Inside::start_with(&LOOPBACK_INSIDE, &["python3", "-c", SCRIPT, address]) else {
            return;
        };
        let line = server.line();
        let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().expect("a port")).collect();
        // What is inside the host doesn't know of.
        host_has_connections(ports[0], 0);
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, ports[0])).expect("the server listens");
        is_turned_round(&mut tcp);
        host_has_connections(ports[0], 2);
        datagram_is_turned_round(ports[1]);
        server.go_on();
        assert_eq!(server.line(), "end\n");
    }
}

/// Checks that the server turns round what it reads.
fn is_turned_round(tcp: &mut TcpStream) {
    tcp.write_all(b"hello").expect("the server reads");
    let mut answer = [0; 5];
    tcp.read_exact(&mut answer).expect("the server answers");
    assert_eq!(&answer, b"olleh");
}

/// Checks that the server at `port` sends back datagrams turned round, from there.
fn datagram_is_turned_round(port: u16) {
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    udp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    udp.send_to(b"abc", (Ipv4Addr::LOCALHOST, port)).expect("the server's port is bound");
    let mut datagram = [0; 10];
    let (count, from) = udp.recv_from(&mut datagram).expect("the server answers");
    assert_eq!((&datagram[..count], from.port()), (&b"cba"[..], port));
}

/// Checks that the host has so many ends of connections with a port. It tells page by page, so while others come and go
/// one may be left out or told twice.
fn host_has_connections(port: u16, count: usize) {
    const LOOKS: u32 = 50;
    for _ in 1..LOOKS {
        if connections_of_host(port) == count {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(connections_of_host(port), count, "ends of connections with port {port}");
}

/// How many ends of connections with a port the host tells of.
fn connections_of_host(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string("/proc/net/tcp").expect("the host has a table of connections");
    let port = format!(":{port:04X}");
    let is_end = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let has_port = [fields.next(), fields.next()].iter().flatten().any(|address| address.ends_with(&port));
        has_port && fields.next() == Some(ESTABLISHED)
    };
    table.lines().filter(is_end).count()
}

#[test]
fn only_what_is_listed_may_be_bound_and_connected_to() {
    const SCRIPT: &str = r"
import socket, sys
port = int(sys.argv[1])
def outcome(call, *arguments):
    try:
        call(*arguments)
        return 'done'
    except OSError as error:
        return error.__class__.__name__
def fresh(kind=socket.SOCK_STREAM, family=socket.AF_INET):
    return socket.socket(family, kind)
print('allowed', outcome(fresh().connect, ('127.0.0.1', port)))
print('mapped', outcome(fresh(family=socket.AF_INET6).connect, ('::ffff:127.0.0.1', port)))
print('other port', outcome(fresh().connect, ('127.0.0.1', port ^ 1)))
print('other address', outcome(fresh().connect, ('127.0.0.2', port)))
print('datagram', outcome(fresh(socket.SOCK_DGRAM).sendto, b'x', ('127.0.0.2', port)))
print('connected datagram', outcome(fresh(socket.SOCK_DGRAM).connect, ('127.0.0.2', port)))
print('bind', outcome(fresh().bind, ('127.0.0.1', 0)))
print('bind without a family', outcome(fresh(socket.SOCK_DGRAM).bind, ('0.0.0.0', 8099)))
print('listen', outcome(fresh().listen))
print('in range', outcome(fresh(socket.SOCK_DGRAM).bind, ('127.0.0.1', 47123)))
";
    let port = serve_tcp();
    let connect = format!("127.0.0.1:{port}");
    let options = ["--net-connect", &connect, "--net-bind", "47000-48000", "--log-level", "warn"];
    let Some(output) = run(&options, &["python3", "-c", SCRIPT, &port.to_string()]) else { return };
    let expected = "allowed done\nmapped done\nother port PermissionError\nother address PermissionError\n\
        datagram PermissionError\nconnected datagram PermissionError\nbind PermissionError\n\
        bind without a family PermissionError\nlisten PermissionError\nin range done\n";
    assert_eq!(text(&output), expected);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("net-connect") && log.contains("net-bind"), "{log}");
}

#[test]
fn connections_leave_no_descriptors_of_the_host_behind() {
    const SCRIPT: &str = r"
import os, select, socket, struct, sys
listener = socket.create_server(('127.0.0.1', 0))
now = struct.pack('ii', 1, 0)
def rounds(count):
    for number in range(count):
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
        if number % 3 == 0:
            poller = select.epoll()
            poller.register(one, select.EPOLLIN)
            poller.register(other, select.EPOLLIN)
            one.send(b'x')
            assert poller.poll(5)
            poller.close()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        one.close()
        other.close()
        refused = socket.socket()
        refused.setblocking(False)
        refused.connect_ex(('127.0.0.1', 1))
        refused.close()
    if os.fork() == 0:
        os._exit(0)
    os.wait()
rounds(10)
print('start', flush=True)
sys.stdin.readline()
rounds(2000)
print('end', flush=True)
sys.stdin.readline()
";
    for options in [&[][..], &LOOPBACK_INSIDE] {
        let Some(mut program) = Inside::start_with(options, &["python3", "-c", SCRIPT]) else { return };
        assert_eq!(program.line(), "start\n");
        let before = program.descriptors();
        program.go_on();
        assert_eq!(program.line(), "end\n");
        assert_eq!(program.descriptors(), before, "{options:?}");
        program.go_on();
    }
}

fn serve_tcp() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = connection.read(&mut bytes) {
                    if connection.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

fn serve_udp() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = socket.local_addr().map(|address: SocketAddr| address.port()).expect("a bound socket has an address");
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok((count, from)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(&bytes[..count], from);
        }
    });
    port
}

/// The command that runs `argv` under Enclos; `None` if only native runs are wanted.
fn command(options: &[&str], argv: &[&str]) -> Option<Command> {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let words = Enclos::locate().expect("enclos is built").command(&owned(options), &owned(argv))?;
    let mut command = Command::new("timeout");
    command.arg(PATIENCE).args(words);
    Some(command)
}

fn run(options: &[&str], argv: &[&str]) -> Option<Output> {
    Some(command(options, argv)?.stdin(Stdio::null()).output().expect("timeout can be started"))
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A program that runs under Enclos; killed at the end of the test.
struct Inside {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Inside {
    fn start(argv: &[&str]) -> Option<Self> {
        Self::start_with(&[], argv)
    }

    fn start_with(options: &[&str], argv: &[&str]) -> Option<Self> {
        let child = command(options, argv)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = child.expect("timeout can be started");
        let input = process.stdin.take().expect("standard input is piped");
        let output = BufReader::new(process.stdout.take().expect("standard output is piped"));
        Some(Self { process, input, output })
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the program writes text");
        line
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").expect("the program reads");
    }

    /// How many descriptors the LibOS has on the host.
    fn descriptors(&self) -> usize {
        let timeout = self.process.id();
        let children = fs::read_to_string(format!("/proc/{timeout}/task/{timeout}/children")).expect("timeout runs");
        let enclos = children.split_whitespace().next().expect("timeout has a child");
        fs::read_dir(format!("/proc/{enclos}/fd")).expect("enclos runs").count()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // Handed on to the program.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

// A static Rust program: threads, collections, panics caught, files, arguments.
// build: -Ctarget-feature=+crt-static
// args: alpha beta
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::{env, fs, panic, thread};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    println!("{arguments:?}");
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..16u64)
        .map(|number| {
            let sender = sender.clone();
            thread::spawn(move || (0..1000).for_each(|i| sender.send(number * 1000 + i).unwrap()))
        })
        .collect();
    drop(sender);
    let map: BTreeMap<u64, u64> = receiver.iter().map(|number| (number, number * number)).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    println!("{} squares, the last {:?}", map.len(), map.last_key_value());
    fs::write("file", "written").unwrap();
    println!("{}", fs::read_to_string("file").unwrap());
    println!("{:?}", fs::read("no such file").unwrap_err().kind());
    let caught = panic::catch_unwind(|| {
        let empty: Vec<u8> = env::args().skip(100).map(|_| 0).collect();
        empty[0]
    });
    println!("panic caught: {}", caught.is_err());
}

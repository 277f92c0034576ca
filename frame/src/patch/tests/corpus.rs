//! The code of real programs, as far as this host has them.

use crate::patch::{Plan, Slots, Unpatchable, good_areas};
use iced_x86::{Code, Decoder, DecoderOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::prelude::v1::*;
use std::{eprintln, fs};

/// Programs and libraries with system calls of their own.
const FILES: [&str; 6] = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
    "/usr/lib/x86_64-linux-musl/libc.so",
    "/bin/busybox",
    "/usr/bin/python3",
    "/usr/bin/bash",
];

/// Where the file would be mapped.
const BASE: u64 = 0x7f12_3456_7000;

#[derive(Debug, Default)]
struct Summary {
    sites: usize,
    patched: usize,
    /// Sites for which no place was found.
    homeless: usize,
    refused: BTreeMap<String, usize>,
    /// Pages of trampolines.
    pages: BTreeSet<u64>,
}

#[test]
fn real_programs_can_be_patched() {
    for path in FILES {
        let Ok(file) = fs::read(path) else { continue };
        let summary = summarize(&file);
        eprintln!(
            "{path}: {} of {} sites, {} pages of trampolines, {} without a place, unpatchable {:?}",
            summary.patched,
            summary.sites,
            summary.pages.len(),
            summary.homeless,
            summary.refused
        );
        assert!(summary.patched * 100 >= summary.sites * 95, "{path}");
    }
}

/// Patches all sites of a file at once.
fn summarize(file: &[u8]) -> Summary {
    let mut summary = Summary::default();
    let mut slots = Slots::default();
    let sections = code_sections(file);
    let Some(end) = sections.iter().map(|(addr, code)| addr + code.len() as u64).max() else { return summary };
    let area = good_areas(&(BASE as usize..(BASE + end) as usize)).next().expect("code is small");
    let chunk = (area.end - crate::patch::GOOD_CHUNK) as u64..area.end as u64;
    for (addr, code) in sections {
        for site in sites(BASE + addr, code) {
            summary.sites += 1;
            let rest = &code[(site - BASE - addr) as usize..];
            match place(site, &rest[..rest.len().min(20)], &chunk, &mut slots) {
                Ok(Some(slot)) => {
                    summary.patched += 1;
                    summary.pages.insert(slot >> 12);
                }
                Ok(None) => summary.homeless += 1,
                Err(reason) => *summary.refused.entry(format!("{reason:?}")).or_default() += 1,
            }
        }
    }
    summary
}

fn place(site: u64, code: &[u8], chunk: &Range<u64>, slots: &mut Slots) -> Result<Option<u64>, Unpatchable> {
    let plan = Plan::new(site, code)?;
    let slot = slots.find(chunk, &plan);
    if let Some(slot) = slot {
        assert!(plan.accepts(slot) && plan.assemble(slot).is_some());
        slots.take(slot..slot + plan.trampoline_len() as u64);
    }
    Ok(slot)
}

/// Addresses of the `syscall` instructions that are found by decoding from the start.
fn sites(addr: u64, code: &[u8]) -> Vec<u64> {
    let mut decoder = Decoder::with_ip(64, code, addr, DecoderOptions::NONE);
    decoder
        .iter()
        .filter(|instruction| instruction.code() == Code::Syscall)
        .map(|instruction| instruction.ip())
        .collect()
}

/// An ELF file's executable sections: their addresses and contents.
fn code_sections(file: &[u8]) -> Vec<(u64, &[u8])> {
    const PROGBITS: u64 = 1;
    const EXECINSTR: u64 = 4;
    let field = |at: usize, len: usize| {
        file[at..at + len].iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte))
    };
    let (table, size, count) = (field(0x28, 8) as usize, field(0x3a, 2) as usize, field(0x3c, 2) as usize);
    (0..count)
        .map(|index| table + index * size)
        .filter(|at| field(at + 4, 4) == PROGBITS && field(at + 8, 8) & EXECINSTR != 0)
        .map(|at| {
            let (offset, len) = (field(at + 0x18, 8) as usize, field(at + 0x20, 8) as usize);
            (field(at + 0x10, 8), &file[offset..offset + len])
        })
        .collect()
}

//! The program break (`man 2 brk`).

use super::charge::{charge, uncharge};
use super::memory::{Inner, Memory};
use super::recycle;
use super::vma::{InChildren, Kind, Vma};
use crate::prelude::*;
use core::ops::Range;
use frame::layout::page_ceil;
use frame::ocall::mem::{self, Backing, Prot, Sharing};

impl Memory {
    /// Moves the break to `to` if limits (`RLIMIT_DATA`, `RLIMIT_AS`) and room allow; gives where it is then.
    pub fn brk(&self, to: usize, data_limit: u64, space_limit: u64) -> usize {
        let mut inner = self.inner.lock();
        if !(inner.brk_area.start..=inner.brk_area.end).contains(&to) {
            return inner.brk;
        }
        let (Some(old), Some(new)) = (page_ceil(inner.brk), page_ceil(to)) else {
            return inner.brk;
        };
        let is_within = (to - inner.brk_area.start) as u64 <= data_limit
            && (inner.mapped + new.saturating_sub(old)) as u64 <= space_limit;
        let moved = if new <= old {
            if new < old {
                inner.give_up_start_up();
            }
            self.clear(&mut inner, &(new..old))
        } else if is_within {
            inner.grow_heap(self.id, old..new)
        } else {
            Err(err!(ENOMEM, "the limit of data or address space is reached"))
        };
        match moved {
            Ok(()) => inner.brk = to,
            Err(error) => debug!("the program break stays where it is: {error}"),
        }
        inner.brk
    }
}

impl Inner {
    fn grow_heap(&mut self, id: u64, range: Range<usize>) -> Result<()> {
        const PROT: Prot = Prot::READ.union(Prot::WRITE);
        if !self.is_vacant(id, &range) {
            bail!(ENOMEM, "a mapping is in the way");
        }
        charge(range.len())?;
        let is_there = self.start_up.take(&range) || recycle::reuse(self, &range, PROT, Sharing::Private);
        if !is_there {
            if let Err(error) = mem::map(&range, PROT, Sharing::Private, Backing::Anonymous) {
                uncharge(range.len());
                return Err(error);
            }
            self.carve(&range);
        }
        if let Some(mode) = self.locks_future {
            // As on Linux, memory that can't be locked is had all the same.
            let _ = mem::lock(&range, mode as u32);
        }
        self.mapped += range.len();
        self.vmas.insert(
            range,
            Vma {
                prot: PROT,
                sharing: Sharing::Private,
                source: None,
                shared_id: None,
                kind: Kind::Heap,
                is_charged: true,
                is_chargeable: true,
                is_locked: self.locks_future.is_some(),
                in_children: InChildren::All,
            },
        );
        Ok(())
    }
}

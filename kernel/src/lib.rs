//! Enclos: kernel.
#![no_std]

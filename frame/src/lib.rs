//! Enclos: frame.
#![no_std]

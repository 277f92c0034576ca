//! Enclos: config.
#![no_std]

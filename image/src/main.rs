//! Enclos: image.
fn main(){}

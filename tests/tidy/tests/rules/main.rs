//! Every house rule catches the fault that is planted for it, and lets clean text pass.

mod direction;
mod house;
mod map;
mod packages;
mod shape;
mod silence;
mod tree;
mod words;

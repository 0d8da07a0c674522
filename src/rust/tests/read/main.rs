//! What the face makes of named lists: each fault is an error that names the field. The reader
//! knows nothing of R, so it is tested without it.

#![allow(dead_code)]

#[path = "../../src/nouns/mod.rs"]
mod nouns;
#[path = "../../src/read/mod.rs"]
mod read;
#[path = "../../src/words.rs"]
mod words;

mod arrays;
mod build;
mod fields;
mod measurements;
mod noise;
mod predictors;
mod prior;
mod single;
mod tables;

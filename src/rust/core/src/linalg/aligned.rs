//! Numbers that begin on a cache line: a load of eight of them is then one line, not two.

use std::ops::{Deref, DerefMut};

/// The length of a cache line in bytes.
const LINE: usize = 64;

/// A vector of fixed length that begins on a cache line.
#[derive(Debug)]
pub struct Aligned {
    values: Vec<f64>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// Zeros.
    pub fn zeros(len: usize) -> Self {
        let room = LINE / size_of::<f64>() - 1;
        let values = vec![0.0; len + room];
        // No alignment is promised (nothing but speed depends on it).
        let start = values.as_ptr().align_offset(LINE).min(room);
        Self { values, start, len }
    }
}

impl Deref for Aligned {
    type Target = [f64];
    #[inline(always)]
    fn deref(&self) -> &[f64] {
        &self.values[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.values[self.start..self.start + self.len]
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut out = Self::zeros(self.len);
        out.copy_from_slice(self);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_equal_and_begin_on_lines() {
        for len in [0, 1, 7, 8, 1001] {
            let mut a = Aligned::zeros(len);
            a.iter_mut().enumerate().for_each(|(i, x)| *x = i as f64);
            let b = a.clone();
            assert_eq!(*a, *b);
            assert_eq!(b.len(), len);
            assert_eq!(b.as_ptr() as usize % LINE, 0);
        }
    }
}

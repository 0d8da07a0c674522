//! Genotypes in two bits, as PLINK's .bed files have them: a variant after the other, four samples
//! to a byte, the first in the lowest bits.

use crate::Error;

/// Variants of some samples of a file.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    bytes: &'a [u8],
    /// Bytes of a variant.
    width: usize,
    /// The samples that are used.
    rows: &'a [usize],
}

/// Copies of the first allele, by code; the second one is missing.
const COPIES: [f64; 4] = [2.0, f64::NAN, 1.0, 0.0];

impl<'a> Packed<'a> {
    /// Variants of `samples` samples, of which `rows` are used.
    ///
    /// # Errors
    /// Bytes of no whole number of variants; rows beyond the samples.
    pub fn new(bytes: &'a [u8], samples: usize, rows: &'a [usize]) -> Result<Self, Error> {
        let width = samples.div_ceil(4).max(1);
        if bytes.len() % width != 0 {
            let expected = bytes.len().next_multiple_of(width);
            return Err(Error::Shape { name: "bed", expected, found: bytes.len() });
        }
        if rows.iter().any(|i| *i >= samples) {
            return Err(Error::Value { name: "rows", why: "are beyond the samples".into() });
        }
        Ok(Self { bytes, width, rows })
    }

    /// The number of variants.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.width
    }

    /// Copies of the first allele, by variant; missing ones are the mean of the others.
    pub fn dosages(&self) -> Vec<f64> {
        let n = self.rows.len();
        let mut out = Vec::with_capacity(n * self.count());
        for variant in self.bytes.chunks_exact(self.width) {
            let first = out.len();
            out.extend(
                self.rows.iter().map(|i| COPIES[usize::from(variant[i / 4] >> (i % 4 * 2)) & 3]),
            );
            let column = &mut out[first..];
            let known = || column.iter().filter(|x| !x.is_nan());
            let count = known().count();
            if count < n {
                let mean = if count > 0 { known().sum::<f64>() / count as f64 } else { 0.0 };
                column.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = mean);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dosages_of_some_samples() {
        // Samples 0 to 5: 2, NA, 1, 0, 0, 2; then all but the third missing.
        let bytes = [0b1110_0100, 0b0000_0011, 0b0110_0101, 0b0000_0101];
        let all = [0, 1, 2, 3, 4, 5];
        let found = Packed::new(&bytes, 6, &all).unwrap().dosages();
        assert_eq!(found[..6], [2.0, 1.0, 1.0, 0.0, 0.0, 2.0]);
        assert_eq!(found[6..], [1.0; 6]);
        let found = Packed::new(&bytes, 6, &[5, 3]).unwrap();
        assert_eq!((found.count(), found.dosages()), (2, vec![2.0, 0.0, 0.0, 0.0]));
        assert!(Packed::new(&bytes[..3], 6, &all).is_err());
        assert!(Packed::new(&bytes, 6, &[6]).is_err());
    }
}

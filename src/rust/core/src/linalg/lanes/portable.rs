//! Four lanes of plain Rust, for every machine: the compiler turns them into what it may assume.

use super::{Lanes, lane_operators};

/// Four doubles in an array.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub struct Portable([f64; 4]);

/// Fused only where that is one instruction in a default build; elsewhere it is a slow call.
#[inline(always)]
fn fused(a: f64, b: f64, c: f64) -> f64 {
    if cfg!(target_arch = "aarch64") { a.mul_add(b, c) } else { a * b + c }
}

macro_rules! each {
    ($i:ident => $value:expr) => {{
        let mut out = [0.0; 4];
        let mut $i = 0;
        while $i < 4 {
            out[$i] = $value;
            $i += 1;
        }
        Portable(out)
    }};
}

lane_operators!(
    Portable,
    |a: Portable, b: Portable| each!(i => a.0[i] + b.0[i]),
    |a: Portable, b: Portable| each!(i => a.0[i] - b.0[i]),
    |a: Portable, b: Portable| each!(i => a.0[i] * b.0[i])
);

impl Lanes for Portable {
    const N: usize = 4;
    #[inline(always)]
    fn splat(x: f64) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        Self([x[0], x[1], x[2], x[3]])
    }
    #[inline(always)]
    fn store(self, out: &mut [f64]) {
        out[..4].copy_from_slice(&self.0);
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        each!(i => fused(self.0[i], b.0[i], c.0[i]))
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        each!(i => fused(-self.0[i], b.0[i], c.0[i]))
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        each!(i => self.0[i] / b.0[i])
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        each!(i => self.0[i].sqrt())
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        each!(i => if self.0[i] > b.0[i] { self.0[i] } else { b.0[i] })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        each!(i => if self.0[i] < b.0[i] { self.0[i] } else { b.0[i] })
    }
    #[inline(always)]
    fn select_negative(self, negative: Self, other: Self) -> Self {
        each!(i => if self.0[i] < 0.0 { negative.0[i] } else { other.0[i] })
    }
    #[inline(always)]
    fn split_exponent(self) -> (Self, Self) {
        const FROM: u64 = 0x3FE8_0000_0000_0000; // the bits of 0.75
        const EXPONENT: u64 = 0xFFF0_0000_0000_0000;
        let m = each!(i => {
            let bits = self.0[i].to_bits();
            f64::from_bits(bits.wrapping_sub(bits.wrapping_sub(FROM) & EXPONENT))
        });
        let e = each!(i => {
            ((self.0[i].to_bits().wrapping_sub(FROM) & EXPONENT) as i64 >> 52) as f64
        });
        (m, e)
    }
    #[inline(always)]
    fn scale_exponent(self, n: Self) -> Self {
        each!(i => {
            let (n, x) = (n.0[i] as i64, self.0[i]);
            let first = n / 2;
            x * power_of_two(first) * power_of_two(n - first)
        })
    }
    #[inline(always)]
    fn round(self) -> Self {
        each!(i => self.0[i].round_ties_even())
    }
}

#[inline(always)]
fn power_of_two(k: i64) -> f64 {
    f64::from_bits(((k + 1023) as u64) << 52)
}

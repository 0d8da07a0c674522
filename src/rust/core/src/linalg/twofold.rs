//! Numbers of twice the digits of a double: sums of two doubles that do not overlap (Dekker 1971).
//!
//! Relative errors are a few units of 2^-104. Products are split rather than fused, so that the digits
//! are the same on every machine.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, with `|low|` at most half a unit in the last place of `high`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Twofold {
    /// The nearest double.
    pub high: f64,
    /// What it leaves.
    pub low: f64,
}

/// `a + b` and its rounding error.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// The same where `|a| >= |b|`.
#[inline]
fn quick_sum(a: f64, b: f64) -> Twofold {
    let high = a + b;
    Twofold { high, low: b - (high - a) }
}

/// Two halves of 26 bits each.
#[inline]
fn split(a: f64) -> (f64, f64) {
    let t = 134_217_729.0 * a; // 2^27 + 1
    let high = t - (t - a);
    (high, a - high)
}

/// `a b` and its rounding error.
#[inline]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let ((ah, al), (bh, bl)) = (split(a), split(b));
    (product, ((ah * bh - product) + ah * bl + al * bh) + al * bl)
}

impl Twofold {
    /// Zero.
    pub const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// The quotient of two doubles.
    pub fn ratio(a: f64, b: f64) -> Self {
        Self::from(a) / Self::from(b)
    }

    /// Square root of a number that is not negative.
    pub fn sqrt(self) -> Self {
        if self.high <= 0.0 {
            return Self::from(self.high.sqrt());
        }
        let root = self.high.sqrt();
        let (square, error) = two_product(root, root);
        let left = self - quick_sum(square, error);
        quick_sum(root, left.high / (root + root))
    }

    /// Absolute value.
    #[inline]
    pub fn abs(self) -> Self {
        if self.high < 0.0 { -self } else { self }
    }

    /// Natural logarithm, a double.
    pub fn ln(self) -> f64 {
        self.high.ln() + self.low / self.high
    }

    /// Times a power of two.
    #[inline]
    pub fn scaled(self, power: f64) -> Self {
        Self { high: self.high * power, low: self.low * power }
    }
}

impl From<f64> for Twofold {
    #[inline]
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl From<Twofold> for f64 {
    #[inline]
    fn from(x: Twofold) -> Self {
        x.high + x.low
    }
}

impl Neg for Twofold {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Add for Twofold {
    type Output = Self;
    #[inline]
    fn add(self, b: Self) -> Self {
        let (high, error) = two_sum(self.high, b.high);
        let (low, last) = two_sum(self.low, b.low);
        let sum = quick_sum(high, error + low);
        quick_sum(sum.high, sum.low + last)
    }
}

impl Sub for Twofold {
    type Output = Self;
    #[inline]
    fn sub(self, b: Self) -> Self {
        self + -b
    }
}

impl Mul for Twofold {
    type Output = Self;
    #[inline]
    fn mul(self, b: Self) -> Self {
        let (product, error) = two_product(self.high, b.high);
        quick_sum(product, error + (self.high * b.low + self.low * b.high))
    }
}

impl Div for Twofold {
    type Output = Self;
    fn div(self, b: Self) -> Self {
        let first = self.high / b.high;
        let left = self - b * Self::from(first);
        let second = left.high / b.high;
        let left = left - b * Self::from(second);
        quick_sum(first, second) + Self::from(left.high / b.high)
    }
}

impl std::iter::Sum for Twofold {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, |sum, term| sum + term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    /// `|x| < 2^-100 size`.
    fn nothing(x: Twofold, size: f64) -> bool {
        f64::from(x).abs() < size.abs() * 2f64.powi(-100)
    }

    #[test]
    fn operations_undo_one_another_to_thirty_digits() {
        let values = random(3, 4000);
        for v in values.chunks_exact(4) {
            let scale = 10f64.powf(60.0 * v[2]);
            let a = Twofold::from(v[0] * scale) + Twofold::from(v[1] * scale * 1e-17);
            let b = Twofold::from(v[3]) + Twofold::from(v[1] * 1e-17);
            assert!(nothing((a + b) - a - b, a.high.abs().max(b.high.abs())));
            assert!(nothing(a * b / b - a, a.high), "{a:?} {b:?}");
            let root = a.abs().sqrt();
            assert!(nothing(root * root - a.abs(), a.high), "{a:?}");
        }
    }

    #[test]
    fn digits_beyond_a_double_are_there() {
        let one = Twofold::from(1.0);
        let near = one + Twofold::from(1e-25);
        assert_eq!(f64::from(near - one), 1e-25);
        // (1 + e)(1 - e) = 1 - e^2.
        let e = Twofold::from(2f64.powi(-40));
        let left = one - (one + e) * (one - e);
        assert_eq!(f64::from(left), 2f64.powi(-80));
        assert!(nothing(Twofold::ratio(1.0, 3.0) * Twofold::from(3.0) - one, 1.0));
        assert_eq!((Twofold::ZERO.sqrt().high, Twofold::from(4.0).ln()), (0.0, 4f64.ln()));
    }
}

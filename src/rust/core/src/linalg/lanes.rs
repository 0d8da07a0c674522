//! Lane types, and the run-time choice among them.
//!
//! A kernel is written once, generic over [`Lanes`], with every function `#[inline(always)]`, and is
//! run by [`dispatch`], which compiles it inside a function with the right target features. A
//! default build is therefore fast on any x86-64, and right on every other machine. The macro
//! `kernel!` makes a function of one.
//!
//! The only unsafe code of the crate is here and in the two files below this one. It rests on one
//! rule: values of a lane type exist only inside [`dispatch`], after the processor was asked.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(all(target_arch = "x86_64", avx512))]
mod avx512;
mod portable;

use std::ops::{Add, Mul, Sub};
use std::sync::OnceLock;

pub use portable::Portable;

/// `N` doubles that are worked on together.
pub trait Lanes:
    Copy + Send + Sync + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + 'static
{
    /// The number of lanes.
    const N: usize;
    /// All lanes equal to `x`.
    fn splat(x: f64) -> Self;
    /// The first `N` elements of `x`. Panics if there are fewer.
    fn load(x: &[f64]) -> Self;
    /// Into the first `N` elements of `out`. Panics if there are fewer.
    fn store(self, out: &mut [f64]);
    /// `self * b + c`.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `c - self * b`.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// `self / b`.
    fn div(self, b: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// The larger of two.
    fn max(self, b: Self) -> Self;
    /// The smaller of two.
    fn min(self, b: Self) -> Self;
    /// `negative` where `self < 0`, else `other`.
    fn select_negative(self, negative: Self, other: Self) -> Self;
    /// Mantissa in `[0.75, 1.5)` and exponent of a positive normal number.
    fn split_exponent(self) -> (Self, Self);
    /// `self * 2^n` for whole `n`, with gradual underflow.
    fn scale_exponent(self, n: Self) -> Self;
    /// The nearest whole number.
    fn round(self) -> Self;

    /// `1 / self`.
    #[inline(always)]
    fn recip(self) -> Self {
        Self::splat(1.0).div(self)
    }
    /// `1 / sqrt(self)` of a positive normal number.
    #[inline(always)]
    fn recip_sqrt(self) -> Self {
        Self::splat(1.0).div(self.sqrt())
    }
    /// `-self`.
    #[inline(always)]
    fn neg(self) -> Self {
        Self::splat(0.0) - self
    }
    /// Absolute value.
    #[inline(always)]
    fn abs(self) -> Self {
        self.max(self.neg())
    }
    /// The lanes as an array; those past `N` are zero.
    #[inline(always)]
    fn to_array(self) -> [f64; MAX_LANES] {
        let mut out = [0.0; MAX_LANES];
        self.store(&mut out);
        out
    }
    /// `N` elements of `x` from `at` on; those past its end are `fill`.
    #[inline(always)]
    fn load_part(x: &[f64], at: usize, fill: f64) -> Self {
        let rest = &x[at..];
        if rest.len() >= Self::N {
            return Self::load(rest);
        }
        let mut padded = [fill; MAX_LANES];
        padded[..rest.len()].copy_from_slice(rest);
        Self::load(&padded)
    }
    /// Into `N` elements of `out` from `at` on, or those that it has.
    #[inline(always)]
    fn store_part(self, out: &mut [f64], at: usize) {
        let rest = &mut out[at..];
        if rest.len() >= Self::N {
            self.store(rest);
        } else {
            rest.copy_from_slice(&self.to_array()[..rest.len()]);
        }
    }
    /// The sum of the lanes, from first to last.
    #[inline(always)]
    fn sum(self) -> f64 {
        self.to_array()[..Self::N].iter().sum()
    }
}

/// The widest lane type.
pub const MAX_LANES: usize = 8;

/// A computation that is compiled once for each instruction set.
///
/// `run` and all it calls on lanes must be `#[inline(always)]`, and closures must not take or return
/// lanes: what is not inlined is compiled without the wide instructions, and is slow.
pub trait Kernel {
    /// What the computation returns.
    type Output;
    /// The computation.
    fn run<V: Lanes>(self) -> Self::Output;
}

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Eight lanes, AVX-512 (F, DQ and VL).
    #[cfg(all(target_arch = "x86_64", avx512))]
    Avx512,
    /// Four lanes, AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Four lanes of plain Rust: SSE2, NEON or whatever the compiler may assume.
    Portable,
}

impl Level {
    /// What this machine has, widest first.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(all(target_arch = "x86_64", avx512))]
        if std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512dq")
            && std::is_x86_feature_detected!("avx512vl")
        {
            levels.push(Self::Avx512);
        }
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            levels.push(Self::Avx2);
        }
        levels.push(Self::Portable);
        levels
    }

    /// A short name, as the environment variable `MNMASH_SIMD` takes it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(all(target_arch = "x86_64", avx512))]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }
}

/// The level in use: the widest available, or the one that `MNMASH_SIMD` names if the machine has it.
pub fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = FORCED.get() {
        return level;
    }
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let levels = Level::available();
        let asked = std::env::var("MNMASH_SIMD").unwrap_or_default();
        levels.iter().copied().find(|l| l.name() == asked).unwrap_or(levels[0])
    })
}

#[cfg(test)]
thread_local!(static FORCED: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) });

/// Run a test once for each level of this machine, which the kernels that its own thread runs use.
#[cfg(test)]
pub fn at_each_level(mut test: impl FnMut(Level)) {
    for level in Level::available() {
        FORCED.set(Some(level));
        test(level);
    }
    FORCED.set(None);
}

/// Run a kernel with the widest instructions of this machine.
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// Run a kernel at a given level, which must be one of [`Level::available`].
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    debug_assert!(Level::available().contains(&level));
    match level {
        // SAFETY (both): the level was found available by asking the processor.
        #[cfg(all(target_arch = "x86_64", avx512))]
        Level::Avx512 => unsafe { avx512::run(kernel) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::run(kernel) },
        Level::Portable => kernel.run::<Portable>(),
    }
}

/// Make a function of a computation on lanes: `kernel!(fn name<'a, V: Lanes>(...) -> T { ... })` is a
/// function `name` that runs its body with the widest instructions of this machine; with a first
/// argument `level: Level`, at that level. It becomes a [`Kernel`] whose fields are the arguments, so
/// references need lifetimes with names.
macro_rules! kernel {
    (@or_unit) => { () };
    (@or_unit $out:ty) => { $out };
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident<$($a:lifetime,)* $V:ident: Lanes $(, $G:ident: $bound:path)*>(
            level: Level, $($arg:ident: $type:ty),* $(,)?
        ) $(-> $out:ty)? $body:block
    ) => {
        $(#[$doc])*
        $vis fn $name<$($a,)* $($G: $bound),*>(
            level: $crate::linalg::lanes::Level, $($arg: $type),*
        ) $(-> $out)? {
            $crate::linalg::lanes::kernel!(
                fn run<$($a,)* $V: Lanes $(, $G: $bound)*>($($arg: $type),*) $(-> $out)? $body
                @at level
            )
        }
    };
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident<$($a:lifetime,)* $V:ident: Lanes $(, $G:ident: $bound:path)*>(
            $($arg:ident: $type:ty),* $(,)?
        ) $(-> $out:ty)? $body:block
    ) => {
        $(#[$doc])*
        $vis fn $name<$($a,)* $($G: $bound),*>($($arg: $type),*) $(-> $out)? {
            $crate::linalg::lanes::kernel!(
                fn run<$($a,)* $V: Lanes $(, $G: $bound)*>($($arg: $type),*) $(-> $out)? $body
                @at $crate::linalg::lanes::level()
            )
        }
    };
    (
        fn run<$($a:lifetime,)* $V:ident: Lanes $(, $G:ident: $bound:path)*>(
            $($arg:ident: $type:ty),*
        ) $(-> $out:ty)? $body:block @at $level:expr
    ) => {{
        struct Run<$($a,)* $($G),*> {
            $($arg: $type,)*
        }
        impl<$($a,)* $($G: $bound),*> $crate::linalg::lanes::Kernel for Run<$($a,)* $($G),*> {
            type Output = $crate::linalg::lanes::kernel!(@or_unit $($out)?);
            #[inline(always)]
            fn run<$V: $crate::linalg::lanes::Lanes>(self) -> Self::Output {
                let Self { $($arg),* } = self;
                $body
            }
        }
        $crate::linalg::lanes::dispatch_at($level, Run { $($arg),* })
    }};
}
pub(crate) use kernel;

/// Write `impl Add`, `Sub` and `Mul` of a lane type in terms of its own functions.
macro_rules! lane_operators {
    ($type:ident, $add:expr, $sub:expr, $mul:expr) => {
        impl std::ops::Add for $type {
            type Output = Self;
            #[inline(always)]
            fn add(self, b: Self) -> Self {
                $add(self, b)
            }
        }
        impl std::ops::Sub for $type {
            type Output = Self;
            #[inline(always)]
            fn sub(self, b: Self) -> Self {
                $sub(self, b)
            }
        }
        impl std::ops::Mul for $type {
            type Output = Self;
            #[inline(always)]
            fn mul(self, b: Self) -> Self {
                $mul(self, b)
            }
        }
    };
}
use lane_operators;

#[cfg(test)]
mod tests {
    use super::*;

    kernel!(
        fn round_trip<'a, V: Lanes>(x: &'a [f64]) -> Vec<[f64; 12]> {
            let mut out = vec![[0.0; 12]; x.len()];
            for (i, &x) in x.iter().enumerate() {
                let v = V::splat(x);
                let (m, e) = v.split_exponent();
                let o = &mut out[i];
                o[0] = m.to_array()[0];
                o[1] = e.to_array()[0];
                o[2] = m.scale_exponent(e).to_array()[V::N - 1];
                o[3] = v.recip().to_array()[V::N - 1];
                o[4] = v.recip_sqrt().to_array()[0];
                o[5] = v.neg_mul_add(V::splat(2.0), V::splat(1.0)).to_array()[0];
                o[6] = v.mul_add(V::splat(2.0), V::splat(1.0)).to_array()[0];
                o[7] =
                    (v - V::splat(1.0)).select_negative(V::splat(1.0), V::splat(2.0)).to_array()[0];
                o[8] = v.max(V::splat(1.0)).min(V::splat(2.0)).to_array()[0];
                o[9] = v.neg().abs().to_array()[0];
                o[10] = (v * V::splat(0.5)).round().to_array()[0];
                o[11] = v.sqrt().to_array()[0];
            }
            out
        }
    );

    #[test]
    fn every_level_does_plain_arithmetic() {
        let x = [1e-300, 0.1, 0.75, 0.76, 1.0, 1.49999, 1.5, 2.0, 3.7, 1234.5, 1e300];
        at_each_level(|level| {
            for (o, &x) in round_trip(&x).iter().zip(&x) {
                assert!((0.75..1.5).contains(&o[0]), "{level:?} {x}: {o:?}");
                assert_eq!(o[2], x, "{level:?}");
                assert!((o[3] * x - 1.0).abs() < 4e-16, "{level:?} {x}");
                assert!((o[4] * x.sqrt() - 1.0).abs() < 6e-16, "{level:?} {x}");
                assert_eq!(o[5], 1.0 - 2.0 * x);
                assert_eq!(o[6], 1.0 + 2.0 * x);
                assert_eq!(o[7], if x < 1.0 { 1.0 } else { 2.0 });
                assert_eq!(o[8], x.clamp(1.0, 2.0));
                assert_eq!(o[9], x);
                assert_eq!(o[10], (0.5 * x).round_ties_even());
                assert_eq!(o[11], x.sqrt());
            }
        });
    }
}

//! Eight lanes on AVX-512.
#![allow(clippy::incompatible_msrv)] // compiled only where build.rs found a compiler that has them

use core::arch::x86_64::*;

use super::{Kernel, Lanes, lane_operators};

/// Eight doubles in one register.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Avx512(__m512d);

/// # Safety
/// The processor must have the target features named here.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
pub unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

// SAFETY of every block below: an `Avx512` exists only inside `run`, so the instructions exist.
lane_operators!(
    Avx512,
    |a: Avx512, b: Avx512| Avx512(unsafe { _mm512_add_pd(a.0, b.0) }),
    |a: Avx512, b: Avx512| Avx512(unsafe { _mm512_sub_pd(a.0, b.0) }),
    |a: Avx512, b: Avx512| Avx512(unsafe { _mm512_mul_pd(a.0, b.0) })
);

impl Lanes for Avx512 {
    const N: usize = 8;
    #[inline(always)]
    fn splat(x: f64) -> Self {
        Self(unsafe { _mm512_set1_pd(x) })
    }
    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        let x = &x[..8];
        Self(unsafe { _mm512_loadu_pd(x.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, out: &mut [f64]) {
        let out = &mut out[..8];
        unsafe { _mm512_storeu_pd(out.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fmadd_pd(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fnmadd_pd(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        Self(unsafe { _mm512_div_pd(self.0, b.0) })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm512_sqrt_pd(self.0) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Self(unsafe { _mm512_max_pd(self.0, b.0) })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        Self(unsafe { _mm512_min_pd(self.0, b.0) })
    }
    #[inline(always)]
    fn select_negative(self, negative: Self, other: Self) -> Self {
        Self(unsafe {
            let mask = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, _mm512_setzero_pd());
            _mm512_mask_blend_pd(mask, other.0, negative.0)
        })
    }
    #[inline(always)]
    fn split_exponent(self) -> (Self, Self) {
        unsafe {
            let m = _mm512_getmant_pd::<_MM_MANT_NORM_P75_1P5, _MM_MANT_SIGN_SRC>(self.0);
            let e = _mm512_getexp_pd(self.0);
            // getexp is floor(log2 x): a mantissa below one belongs to the next exponent.
            let one = _mm512_set1_pd(1.0);
            let below = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(m, one);
            (Self(m), Self(_mm512_mask_add_pd(e, below, e, one)))
        }
    }
    #[inline(always)]
    fn scale_exponent(self, n: Self) -> Self {
        Self(unsafe { _mm512_scalef_pd(self.0, n.0) })
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(unsafe { _mm512_roundscale_pd::<0>(self.0) })
    }
    // Estimate of 14 bits and two Newton steps: the divider is several times slower. For
    // normal numbers up to 1e307.
    #[inline(always)]
    fn recip(self) -> Self {
        unsafe {
            let x = self.0;
            let one = _mm512_set1_pd(1.0);
            let y = _mm512_rcp14_pd(x);
            let e = _mm512_fnmadd_pd(x, y, one);
            let y = _mm512_fmadd_pd(y, _mm512_fmadd_pd(e, e, e), y);
            let e = _mm512_fnmadd_pd(x, y, one);
            Self(_mm512_fmadd_pd(y, e, y))
        }
    }
    #[inline(always)]
    fn recip_sqrt(self) -> Self {
        unsafe {
            let x = self.0;
            let one = _mm512_set1_pd(1.0);
            let half = _mm512_set1_pd(0.5);
            let y = _mm512_rsqrt14_pd(x);
            let e = _mm512_fnmadd_pd(_mm512_mul_pd(x, y), y, one);
            let c = _mm512_fmadd_pd(e, _mm512_set1_pd(0.375), half);
            let y = _mm512_fmadd_pd(_mm512_mul_pd(y, e), c, y);
            let e = _mm512_fnmadd_pd(_mm512_mul_pd(x, y), y, one);
            Self(_mm512_fmadd_pd(_mm512_mul_pd(y, e), half, y))
        }
    }
}

//! Four lanes on AVX2 with FMA.

use core::arch::x86_64::*;

use super::{Kernel, Lanes, lane_operators};

/// Four doubles in one register.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Avx2(__m256d);

/// # Safety
/// The processor must have the target features named here.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

// SAFETY of every block below: an `Avx2` exists only inside `run`, so the instructions exist.
lane_operators!(
    Avx2,
    |a: Avx2, b: Avx2| Avx2(unsafe { _mm256_add_pd(a.0, b.0) }),
    |a: Avx2, b: Avx2| Avx2(unsafe { _mm256_sub_pd(a.0, b.0) }),
    |a: Avx2, b: Avx2| Avx2(unsafe { _mm256_mul_pd(a.0, b.0) })
);

/// `2^k` for whole `k` in the range of normal numbers.
#[inline(always)]
fn power_of_two(k: __m256d) -> __m256d {
    unsafe {
        let k = _mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(k));
        _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_add_epi64(k, _mm256_set1_epi64x(1023))))
    }
}

impl Lanes for Avx2 {
    const N: usize = 4;
    #[inline(always)]
    fn splat(x: f64) -> Self {
        Self(unsafe { _mm256_set1_pd(x) })
    }
    #[inline(always)]
    fn load(x: &[f64]) -> Self {
        let x = &x[..4];
        Self(unsafe { _mm256_loadu_pd(x.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, out: &mut [f64]) {
        let out = &mut out[..4];
        unsafe { _mm256_storeu_pd(out.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm256_fmadd_pd(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm256_fnmadd_pd(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        Self(unsafe { _mm256_div_pd(self.0, b.0) })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm256_sqrt_pd(self.0) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Self(unsafe { _mm256_max_pd(self.0, b.0) })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        Self(unsafe { _mm256_min_pd(self.0, b.0) })
    }
    #[inline(always)]
    fn select_negative(self, negative: Self, other: Self) -> Self {
        Self(unsafe {
            let mask = _mm256_cmp_pd::<_CMP_LT_OQ>(self.0, _mm256_setzero_pd());
            _mm256_blendv_pd(other.0, negative.0, mask)
        })
    }
    #[inline(always)]
    fn split_exponent(self) -> (Self, Self) {
        unsafe {
            let bits = _mm256_castpd_si256(self.0);
            // Counting exponents from the bits of 0.75 puts the mantissa into [0.75, 1.5).
            let from = _mm256_set1_epi64x(0x3FE8_0000_0000_0000_u64 as i64);
            let exponent = _mm256_and_si256(
                _mm256_sub_epi64(bits, from),
                _mm256_set1_epi64x(0xFFF0_0000_0000_0000_u64 as i64),
            );
            let m = _mm256_castsi256_pd(_mm256_sub_epi64(bits, exponent));
            // AVX2 has no 64-bit arithmetic shift: the exponent lives in the high halves.
            let high = _mm256_srai_epi32::<20>(_mm256_shuffle_epi32::<0b1111_0101>(exponent));
            let low = _mm256_permutevar8x32_epi32(high, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
            (Self(m), Self(_mm256_cvtepi32_pd(_mm256_castsi256_si128(low))))
        }
    }
    #[inline(always)]
    fn scale_exponent(self, n: Self) -> Self {
        // In two steps, so that neither power leaves the normal range.
        let first = (n * Self::splat(0.5)).round();
        let second = n - first;
        Self(unsafe {
            _mm256_mul_pd(_mm256_mul_pd(self.0, power_of_two(first.0)), power_of_two(second.0))
        })
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(unsafe { _mm256_round_pd::<0x08>(self.0) })
    }
}

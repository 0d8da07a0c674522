//! exp, log and erfc on lanes, with relative errors of about 1e-15.

use super::lanes::Lanes;

const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_9e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;

/// Natural logarithm of positive normal numbers.
#[inline(always)]
pub fn log<V: Lanes>(x: V) -> V {
    let (m, e) = x.split_exponent();
    log_split(m, e)
}

/// `log(m 2^e)` for `m` in `[0.75, 1.5)`: twice the inverse hyperbolic tangent of
/// `s = (m - 1) / (m + 1)`, `|s| <= 0.2`, by its series.
#[inline(always)]
pub fn log_split<V: Lanes>(m: V, e: V) -> V {
    let one = V::splat(1.0);
    let s = (m - one) * (m + one).recip();
    let z = s * s;
    let mut p = V::splat(1.0 / 23.0);
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        p = p.mul_add(z, V::splat(1.0 / odd));
    }
    let twice = s + s;
    let tail = twice * (p * z);
    let low = e.mul_add(V::splat(LN_2_LOW), twice + tail);
    e.mul_add(V::splat(LN_2_HIGH), low)
}

/// `log(1 + r)`, to full relative accuracy near zero; meaningless for `r <= -1`.
#[inline(always)]
pub fn log_one_plus<V: Lanes>(r: V) -> V {
    // 2 atanh(s), s = r / (2 + r), by its series: |r| <= 1/4 leaves s^24 / 25 < 1e-22.
    let s = r.div(r + V::splat(2.0));
    let z = s * s;
    let mut p = V::splat(1.0 / 23.0);
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        p = p.mul_add(z, V::splat(1.0 / odd));
    }
    let twice = s + s;
    let near = (twice * z).mul_add(p, twice);
    let far = log((r + V::splat(1.0)).max(V::splat(f64::MIN_POSITIVE)));
    (r.abs() - V::splat(0.25)).select_negative(near, far)
}

/// Exponential function; zero below -745.2, clamped above 709.
#[inline(always)]
pub fn exp<V: Lanes>(x: V) -> V {
    let y = x.min(V::splat(709.0)).max(V::splat(-745.2));
    let n = (y * V::splat(std::f64::consts::LOG2_E)).round();
    let r = n.neg_mul_add(V::splat(LN_2_HIGH), y);
    let r = n.neg_mul_add(V::splat(LN_2_LOW), r);
    // Taylor series: |r| <= 0.3466 leaves 0.3466^14 / 14! = 4e-18.
    let mut p = V::splat(1.0 / 6_227_020_800.0);
    for factorial in [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ] {
        p = p.mul_add(r, V::splat(1.0 / factorial));
    }
    (x + V::splat(745.2)).select_negative(V::splat(0.0), p.scale_exponent(n))
}

/// Coefficients of the polynomial in [`erfc_abs`], highest degree first: the Chebyshev interpolant,
/// computed with 60 digits, of `(1 + 2x) exp(x^2) erfc(x)` as a function of `(x - 4) / (x + 4)`
/// (Shepherd and Laframboise 1981) shifted and scaled to `[-1, 1]`. Relative error 3e-16 on [0, 26.5].
const ERFC: [f64; 23] = [
    -9.647039546439506e-11,
    -5.246905382370707e-10,
    1.4948860761753682e-09,
    7.53435035312292e-09,
    -1.8250020033818523e-08,
    -6.915359000556014e-08,
    2.3690357992204356e-07,
    4.5211597722508717e-07,
    -3.125236690507617e-06,
    6.700493156736701e-07,
    3.414607836374794e-05,
    -0.00010246374367630241,
    -8.368079368705056e-05,
    0.0017257045234654986,
    -0.007665324199906241,
    0.02212978966837959,
    -0.047931115994862585,
    0.08083857072985515,
    -0.10434370398530217,
    0.09124356129719723,
    -0.01663582317882332,
    -0.12193736651647699,
    1.2505272632390394,
];

/// Complementary error function of `|x|`, which is never above one; zero beyond 27.
#[inline(always)]
pub fn erfc_abs<V: Lanes>(x: V) -> V {
    let a = x.abs().min(V::splat(27.5));
    let q = (a - V::splat(4.0)) * (a + V::splat(4.0)).recip();
    let t = (q + V::splat(0.125)) * V::splat(1.0 / 0.875);
    let mut p = V::splat(ERFC[0]);
    for &c in &ERFC[1..] {
        p = p.mul_add(t, V::splat(c));
    }
    // exp(-a^2), with what rounding a^2 loses put back to first order.
    let square = a * a;
    let lost = a.mul_add(a, square.neg());
    let e = exp(square.neg());
    let e = lost.neg_mul_add(e, e);
    p * (a + a + V::splat(1.0)).recip() * e
}

/// Complementary error function of one number.
pub fn erfc(x: f64) -> f64 {
    let a = x.abs().min(27.5);
    let t = ((a - 4.0) / (a + 4.0) + 0.125) / 0.875;
    let p = ERFC[1..].iter().fold(ERFC[0], |p, &c| p * t + c);
    let square = a * a;
    let e = (-square).exp();
    let tail = p / (a + a + 1.0) * (e - a.mul_add(a, -square) * e);
    if x < 0.0 { 2.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{at_each_level, kernel};
    use super::*;

    kernel!(
        fn apply<'a, V: Lanes>(x: &'a [f64]) -> Vec<[f64; 3]> {
            let mut out = vec![[0.0; 3]; x.len()];
            for (o, &x) in out.iter_mut().zip(x) {
                let v = V::splat(x);
                o[0] = exp(v).to_array()[0];
                o[1] = log(exp(v).max(V::splat(1e-300))).to_array()[0];
                o[2] = erfc_abs(v).to_array()[0];
            }
            out
        }
    );

    #[test]
    fn exp_and_log_agree_with_the_standard_library() {
        let x: Vec<f64> = (-1400..1400).map(|i| f64::from(i) * 0.4999).collect();
        at_each_level(|level| {
            for (o, &x) in apply(&x).iter().zip(&x) {
                let want = x.exp();
                assert!((o[0] - want).abs() <= 4e-16 * want, "{level:?} exp({x}) = {}", o[0]);
                let want = x.exp().max(1e-300).ln();
                assert!((o[1] - want).abs() <= 5e-16 * want.abs().max(1.0), "{level:?} log {x}");
            }
        });
    }

    #[test]
    fn exp_is_zero_far_below_and_finite_far_above() {
        at_each_level(|level| {
            let o = apply(&[-746.0, -1e300, f64::NEG_INFINITY, 1e300]);
            assert_eq!((o[0][0], o[1][0], o[2][0]), (0.0, 0.0, 0.0), "{level:?}");
            assert!(o[3][0].is_finite());
        });
    }

    #[test]
    fn erfc_has_known_values_out_to_the_far_tail() {
        // Abramowitz and Stegun, and 30-digit continued fractions for the tail.
        let known = [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_46),
            (1.0, 0.157_299_207_050_285_13),
            (2.0, 4.677_734_981_047_265_8e-3),
            (-2.0, 4.677_734_981_047_265_8e-3),
            (5.0, 1.537_459_794_428_034_9e-12),
            (10.0, 2.088_487_583_762_545e-45),
            (20.0, 5.395_865_611_607_901e-176),
            (26.0, 5.663_192_408_856_143e-296),
        ];
        let x: Vec<f64> = known.iter().map(|k| k.0).collect();
        at_each_level(|level| {
            for (o, k) in apply(&x).iter().zip(&known) {
                assert!((o[2] / k.1 - 1.0).abs() < 5e-15, "{level:?} erfc({}) = {:e}", k.0, o[2]);
            }
        });
        for (x, value) in known {
            assert!((erfc(x.abs()) / value - 1.0).abs() < 5e-15, "erfc({x})");
            assert!((erfc(-x.abs()) - (2.0 - value)).abs() < 5e-15, "erfc(-{x})");
        }
    }
}
